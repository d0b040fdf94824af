import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ListenOptions } from '@micro/core';

/** What every HTTP/2 connection begins with (RFC 9113 section 3.4), as far as it tells it from HTTP/1.1. */
const PREFACE = Buffer.from('PRI * HTTP/2.0');
/** A connection that says nothing for so long, in milliseconds, is as good as none. */
export const SILENT_MS = 10_000;

/** Looks at the first bytes of a connection, and leaves them in it. A connection that says nothing is closed after a while. */
export function isHttp2(socket: Socket, decided: (yes: boolean) => void): void {
  const timer = setTimeout(() => socket.destroy(), SILENT_MS);
  timer.unref();
  const look = (): void => {
    const bytes: Buffer | null = socket.read();
    if (bytes === null) return;
    clearTimeout(timer);
    socket.off('readable', look);
    socket.unshift(bytes);
    // HTTP/1.1 has no method that begins like that.
    const length = Math.min(bytes.length, PREFACE.length);
    decided(bytes.compare(PREFACE, 0, length, 0, length) === 0);
  };
  socket.on('readable', look);
  socket.once('close', () => clearTimeout(timer));
}

/** Answers plain HTTP/1.1 on connections that are handed to it. */
export function answerPlain(plain: ListenOptions['plain']): Server {
  const server = createServer((request, response) => {
    request.resume();
    const [path = ''] = (request.url ?? '').split('?', 1);
    const answer = plain?.({ method: request.method ?? '', path }) ?? {
      status: 404,
      contentType: 'text/plain; charset=utf-8',
      body: 'nothing is served here but calls, with gRPC\n',
    };
    response.writeHead(answer.status, {
      'content-type': answer.contentType,
      'content-length': Buffer.byteLength(answer.body),
      'cache-control': 'no-store',
    });
    response.end(request.method === 'HEAD' ? undefined : answer.body);
  });
  // The server itself never listens, so of its timeouts only this one counts.
  server.setTimeout(SILENT_MS);
  return server;
}
