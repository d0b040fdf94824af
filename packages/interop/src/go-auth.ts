import { startAskedProcess } from './asked-process.ts';

/** An account as go-micro shows it. */
export interface GoAccount {
  readonly id: string;
  readonly type: string;
  readonly issuer: string;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly scopes: readonly string[] | null;
  readonly secret: string;
}

/** A token as go-micro shows it. */
export interface GoToken {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly created: string;
  readonly expiry: string;
}

/** A Go process around go-micro's jwt auth. */
export interface GoAuth {
  generate(
    account: string,
    options?: {
      readonly type?: string;
      readonly scopes?: readonly string[];
      readonly metadata?: Readonly<Record<string, string>>;
    },
  ): Promise<GoAccount>;
  inspect(token: string): Promise<GoAccount>;
  /** A token for an account's secret or a refresh token; the access token lives so long (default: go-micro's minute). */
  token(options: {
    readonly account?: string;
    readonly secret?: string;
    readonly refreshToken?: string;
    readonly expiryMs?: number;
  }): Promise<GoToken>;
  close(): Promise<void>;
}

/** Starts a Go process around go-micro's jwt auth; the keys are base64 of PEM. */
export async function startGoAuth(options: {
  readonly binary: string;
  readonly publicKey?: string;
  readonly privateKey?: string;
  /** Who issues accounts. Default `go.micro`. */
  readonly namespace?: string;
}): Promise<GoAuth> {
  const { binary, publicKey = '', privateKey = '', namespace = 'go.micro' } = options;
  const flags = [`--public-key=${publicKey}`, `--private-key=${privateKey}`, `--namespace=${namespace}`];
  const { ask, close } = await startAskedProcess('the Go auth', [binary, 'auth', ...flags]);
  return {
    close,
    generate: async (account, rest = {}) => (await ask({ command: 'generate', account, ...rest })) as GoAccount,
    inspect: async (token) => (await ask({ command: 'inspect', token })) as GoAccount,
    token: async (rest) => (await ask({ command: 'token', ...rest })) as GoToken,
  };
}
