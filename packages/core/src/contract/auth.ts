/** Who somebody is. */
export interface Account {
  readonly id: string;
  /** `user`, `service`, or whatever the issuer says. */
  readonly type: string;
  readonly issuer: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly scopes: readonly string[];
  /** Only on the account that `generate` returns, where the provider hands one out. */
  readonly secret?: string | undefined;
}

/** What proves an account for a while. */
export interface Token {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** In milliseconds since the epoch. */
  readonly createdAt: number;
  /** When the access token ends, in milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What may be accessed: `*` in a field means anything. */
export interface Resource {
  readonly name: string;
  /** `service`, or whatever is protected. */
  readonly type: string;
  /** For a service: the endpoint. */
  readonly endpoint: string;
}

/** Who may, or may not, access what. */
export interface Rule {
  readonly id: string;
  /** `*` is any account, `''` everybody, account or not. */
  readonly scope: string;
  readonly resource: Resource;
  readonly access: 'granted' | 'denied';
  /** The higher one decides first. */
  readonly priority: number;
}

/** What a new account may have besides its id. */
export interface GenerateOptions {
  readonly type?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly secret?: string | undefined;
}

/** Either an account's id and secret, or a refresh token. */
export interface TokenOptions {
  readonly id?: string | undefined;
  readonly secret?: string | undefined;
  readonly refreshToken?: string | undefined;
  /** How long the access token lives, in milliseconds. Default: the provider's own. */
  readonly ttlMs?: number | undefined;
}

/** Issues and checks proof of who somebody is. */
export interface Auth {
  readonly name: string;
  /** Makes an account. */
  generate(id: string, options?: GenerateOptions): Promise<Account>;
  /** Whose token it is. Throws 401 for one that is not valid. */
  inspect(token: string): Promise<Account>;
  /** Makes a token for an account. */
  token(options: TokenOptions): Promise<Token>;
}

/** Decides who may do what. */
export interface Rules {
  grant(rule: Rule): Promise<void>;
  revoke(rule: Rule): Promise<void>;
  list(): Promise<readonly Rule[]>;
  /** Throws 403 unless the account, or nobody in particular, may access the resource. */
  verify(account: Account | undefined, resource: Resource): Promise<void>;
}
