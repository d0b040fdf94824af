import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { BrokerMessage } from '../contract/broker.ts';
import { HEADER } from '../contract/header.ts';
import { CODE } from '../error/code.ts';
import type { MicroError } from '../error/micro-error.ts';
import { formatAddress } from '../util/address.ts';
import { bind } from '../util/bind.ts';
import { sleep } from '../util/timer.ts';
import { keepCertificates, listenerTls, loadCertificates, type TlsOptions } from '../util/tls.ts';
import { brokerError, handlerError, isHopeless, notTaken } from './broker-error.ts';
import type { FailureReport } from './broker-failure.ts';
import type { BrokerSettings } from './broker-options.ts';
import { decodeEnvelope } from './envelope.ts';
import { DELIVERY_FIELD } from './http-message.ts';
import type { Receiver } from './receiver.ts';

/** What a listener of the http broker is made from. */
export interface HttpListenerOptions {
  /** Where to listen: `host:port`, `:port` or `host:first-last`. */
  readonly address: string;
  readonly tls: TlsOptions | undefined;
  readonly settings: BrokerSettings;
  /** Bytes of messages that are being received or handled at once. */
  readonly maxReceivingBytes: number;
  readonly maxConnections: number;
  /** The subscription of a node id and topic. */
  readonly find: (id: string, topic: string) => Receiver | undefined;
  readonly report: (failure: FailureReport) => void;
}

/** Where subscribers are reached. */
export interface HttpListener {
  /** The address that was bound. */
  readonly address: string;
  /** Listens no more and ends every connection; answers that are being written have a moment. */
  close(): Promise<void>;
}

/** Publishers keep connections; one that was just closed costs them a try. go-micro's keep theirs as long as they live. */
const KEEP_ALIVE_MS = 120_000;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const LAST_ANSWERS_MS = 500;
/** What the JSON around a body takes: base64 makes 4 bytes of 3, and each character of a header may become 6. */
const AROUND_BYTES = 6 * 64 * 1024;

/** Listens for messages: `POST /?id=<node id>` with go-micro's JSON. Anything else is answered with an error of its JSON. */
export async function listenHttp(options: HttpListenerOptions): Promise<HttpListener> {
  const closing = new AbortController();
  let receiving = 0;

  /** Resolves when the message was handled, with why its handler failed where it did; throws what is no handler's fault. */
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<MicroError | undefined> => {
    if (request.method !== 'POST') {
      response.setHeader('Allow', 'POST');
      throw brokerError(CODE.methodNotAllowed, `${String(request.method)} is not served here: messages come with POST`);
    }
    let held = 0;
    try {
      const bytes = await readBody(request, options, (size) => {
        held += size;
        receiving += size;
        return receiving <= options.maxReceivingBytes;
      });
      const message = decodeEnvelope(bytes);
      const topic = message.header[HEADER.TOPIC];
      if (topic === undefined || topic === '') {
        throw brokerError(CODE.badRequest, `the message names no topic: ${HEADER.TOPIC} is missing in Header`);
      }
      const id = new URLSearchParams(request.url?.split('?', 2)[1]).get('id') ?? '';
      const receiver = options.find(id, topic);
      if (receiver === undefined) {
        const detail = `no subscription ${JSON.stringify(id.slice(0, 200))} of ${topic.slice(0, 200)} is here`;
        throw brokerError(CODE.notFound, detail);
      }
      return await hand(receiver, topic, message, request, response);
    } finally {
      receiving -= held;
    }
  };

  /** Hands a message to its subscription, as often as it takes where the sender will not bring it again. */
  const hand = async (
    receiver: Receiver,
    topic: string,
    message: BrokerMessage,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<MicroError | undefined> => {
    const { settings, report } = options;
    const isGone = (): boolean => response.destroyed;
    const sent = deliveryOf(request);
    for (let deliveries = sent ?? 1; ; deliveries++) {
      try {
        await receiver.offer(message, sent === undefined ? { onlyOnce: true } : { isGone });
        return undefined;
      } catch (cause) {
        const error = handlerError(cause);
        if (error.unexecuted && sent !== undefined) throw error;
        const isLast =
          error.unexecuted || closing.signal.aborted || isHopeless(error) || deliveries >= settings.maxDeliveries;
        report({ topic, error, deliveries, willRepeat: !isLast, message: () => message });
        if (isLast || sent !== undefined) return error;
        await sleep(settings.backoff(deliveries), closing.signal);
      }
    }
  };

  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    request.on('error', () => {});
    response.on('error', () => {});
    answer(request, response).then(
      (failure) => {
        // A handler's own code is no status of HTTP: the sender finds it in the answer.
        if (failure === undefined) end(response, 200, '');
        else end(response, CODE.internal, JSON.stringify(failure));
      },
      (cause: unknown) => {
        const error = handlerError(cause);
        // What is left of a body that was refused is not read: the connection ends with the answer.
        if (!request.complete) response.setHeader('Connection', 'close');
        end(response, error.code, JSON.stringify(error));
        request.resume();
      },
    );
  };

  const { server, endHandshakes } = makeServer(options.tls, serve);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.maxConnections = options.maxConnections;
  server.on('clientError', (_, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    else socket.destroy();
  });
  const bound = await bind(server, options.address);

  let closed: Promise<void> | undefined;
  return {
    address: formatAddress(bound.address, bound.port),
    close() {
      closed ??= new Promise((resolve) => {
        closing.abort();
        const timer = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        server.closeIdleConnections();
        endHandshakes();
      });
      return closed;
    },
  };
}

function end(response: ServerResponse, status: number, text: string): void {
  if (response.destroyed || response.headersSent) return;
  const body = Buffer.from(text);
  const type = text === '' ? {} : { [HEADER.CONTENT_TYPE]: 'application/json' };
  response.writeHead(status, { ...type, 'Content-Length': body.length });
  response.end(body);
}

/** Which delivery the sender says it is; `undefined` when it does not repeat. */
function deliveryOf(request: IncomingMessage): number | undefined {
  const value = request.headers[DELIVERY_FIELD.toLowerCase()];
  return typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : undefined;
}

/** Reads a body within the limits; `hold` says whether there is room for so many bytes more. */
function readBody(
  request: IncomingMessage,
  { settings }: HttpListenerOptions,
  hold: (bytes: number) => boolean,
): Promise<Buffer> {
  const most = Math.ceil(settings.maxMessageBytes / 3) * 4 + AROUND_BYTES;
  // Events rather than an async iterator: that is a part of a small message's time that can be measured.
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const refuse = (error: MicroError): void => {
      request.off('data', take);
      // Left open: the answer goes over the same connection.
      request.pause();
      reject(error);
    };
    const take = (part: Buffer): void => {
      size += part.length;
      if (size > most) {
        refuse(brokerError(CODE.tooLarge, `the message is larger than ${settings.maxMessageBytes} bytes`));
      } else if (!hold(part.length)) {
        refuse(notTaken('too many bytes are being received at once'));
      } else {
        parts.push(part);
      }
    };
    request.on('data', take);
    request.once('end', () => resolve(Buffer.concat(parts, size)));
    request.once('close', () => {
      if (!request.complete) reject(notTaken('the sender left before its message was complete'));
    });
  });
}

function makeServer(
  tls: TlsOptions | undefined,
  serve: (request: IncomingMessage, response: ServerResponse) => void,
): { readonly server: Server | TlsServer; readonly endHandshakes: () => void } {
  const settings = { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, noDelay: true };
  if (tls === undefined) return { server: createServer(settings, serve), endHandshakes() {} };
  const certificates = loadCertificates(tls);
  const server = createTlsServer({ ...settings, ...listenerTls(tls, certificates) }, serve);
  return { server, endHandshakes: keepCertificates(server, certificates) };
}
