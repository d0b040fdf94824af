import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import type { SecureContextOptions } from 'node:tls';

/** How a document is fetched. */
export interface FetchOptions {
  /** Certificates for `https:`. */
  readonly tls: SecureContextOptions;
  readonly serverName: string | undefined;
  readonly insecure: boolean;
  readonly signal: AbortSignal;
  /** A longer document is refused, in bytes. */
  readonly maxBytes: number;
}

/**
 * Fetches a document over HTTP on a connection of its own, which is closed afterwards. Not `fetch`, which takes no
 * certificates. Rejects for every answer but 200, redirects included: where keys come from is said by whoever configures
 * them, not by who answers.
 */
export function fetchText(url: URL, options: FetchOptions): Promise<string> {
  const { tls, serverName, insecure, signal, maxBytes } = options;
  const common = { agent: false, signal, headers: { accept: 'application/jwk-set+json, application/json' } } as const;
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? requestTls(url, {
            ...common,
            ...tls,
            rejectUnauthorized: !insecure,
            ...(serverName === undefined ? {} : { servername: serverName }),
          })
        : requestPlain(url, common);
    const fail = (error: NodeJS.ErrnoException): void => {
      request.destroy();
      // A failure to connect to any of several addresses has no text of its own.
      reject(error.message === '' ? new Error(error.code ?? 'it cannot be reached', { cause: error }) : error);
    };
    request.on('error', fail);
    request.on('response', (response) => {
      const { statusCode = 0 } = response;
      if (statusCode !== 200) {
        const hint = statusCode >= 300 && statusCode < 400 ? ': give the URL that it leads to' : '';
        fail(new Error(`it answered ${statusCode}${hint}`));
        return;
      }
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('error', fail);
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes > maxBytes) fail(new Error(`it answered more than ${maxBytes} bytes`));
        else parts.push(part);
      });
      response.on('end', () => resolve(Buffer.concat(parts).toString()));
      response.on('close', () => fail(new Error('the connection was lost before the end of the answer')));
    });
    request.end();
  });
}
