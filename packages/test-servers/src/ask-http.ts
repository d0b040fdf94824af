import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { testCertificates } from './certificates.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

export interface HttpQuestion {
  /** Sent as JSON with POST; without one it is a GET. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default 2,000. */
  readonly timeoutMs?: number;
}

/** One request on a connection of its own. With https it shows the client certificate of the tests, and trusts theirs. */
export function askHttp(
  url: string,
  { body, headers = {}, timeoutMs = 2_000 }: HttpQuestion = {},
): Promise<HttpAnswer> {
  const late = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void =>
      reject(late.aborted ? new Error(`${url} did not answer within ${timeoutMs} ms`, { cause: error }) : error);
    const common = {
      agent: false,
      signal: late,
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    } as const;
    const answered = (response: IncomingMessage): void => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', failed);
    };
    const asked = url.startsWith('https:')
      ? httpsRequest(url, { ...common, ...secure() }, answered)
      : httpRequest(url, common, answered);
    asked.on('error', failed);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The same, for an answer that has to be a JSON object. Rejects when the status is not 2xx. */
export async function askJson(url: string, question?: HttpQuestion): Promise<Readonly<Record<string, unknown>>> {
  const { status, text } = await askHttp(url, question);
  if (status < 200 || status > 299) throw new Error(`${url} answered ${status}: ${text.slice(0, 500).trim()}`);
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error(`${url} answered ${text.slice(0, 100)}`);
  return value as Readonly<Record<string, unknown>>;
}

/** A server in a namespace has another address than its certificate says: it is asked as localhost. */
function secure(): { ca: string; cert: string; key: string; servername: string } {
  const { ca, clientCert, clientKey } = testCertificates();
  return { ca, cert: clientCert, key: clientKey, servername: 'localhost' };
}
