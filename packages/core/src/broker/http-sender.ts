import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { HEADER } from '../contract/header.ts';
import { CODE, REFUSED } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { dialTarget } from '../util/address.ts';
import { reasonOf } from '../util/reason.ts';
import { type Certificates, loadCertificates, type TlsOptions } from '../util/tls.ts';
import { brokerError, notTaken } from './broker-error.ts';
import { DELIVERY_FIELD } from './http-message.ts';
import type { Target } from './lane.ts';

/** A subscription that is reached by HTTP. */
export interface HttpTarget extends Target {
  readonly secure: boolean;
}

/** What a sender is made from. */
export interface HttpSenderOptions {
  readonly tls: TlsOptions | undefined;
  /** How long connecting may take, in milliseconds; `Infinity` is no limit. */
  readonly connectTimeoutMs: number;
  /** How long a subscriber may take to answer, in milliseconds; `Infinity` is no limit. */
  readonly timeoutMs: number;
}

/** Posts messages over connections that it keeps. */
export interface HttpSender {
  /** Resolves when the subscriber has handled the message; throws why it has not. */
  post(target: HttpTarget, payload: Buffer, delivery: number): Promise<void>;
  close(): void;
}

const SOCKETS_PER_PEER = 256;
const IDLE_SOCKETS_PER_PEER = 16;
const MOST_SOCKETS = 4_096;
/** An answer is empty, or an error. */
const MOST_ANSWER_BYTES = 16 * 1024;
/** Statuses with which a subscriber says that the handler did not run: not here, too much now, not now. */
const NOT_RUN: ReadonlySet<number> = new Set([404, 429, 503]);

/** Makes a sender. Nothing is connected before the first message. */
export function createHttpSender({ tls, connectTimeoutMs, timeoutMs }: HttpSenderOptions): HttpSender {
  const settings = {
    keepAlive: true,
    maxSockets: SOCKETS_PER_PEER,
    maxFreeSockets: IDLE_SOCKETS_PER_PEER,
    maxTotalSockets: MOST_SOCKETS,
    scheduling: 'lifo',
  } as const;
  const plain = new HttpAgent(settings);
  const certificates = tls === undefined ? undefined : loadCertificates(tls);
  const secure: HttpsAgent[] = [];
  const secureAgent = (): HttpsAgent => {
    // Made anew when the certificate files have changed; what is on its way over the old one finishes.
    let agent = certificates?.changed() === true ? undefined : secure.at(-1);
    if (agent === undefined) {
      agent = tlsAgent(settings, tls, certificates);
      secure.push(agent);
    }
    return agent;
  };

  // A target is the same object as long as nothing changed in the registry.
  const places = new WeakMap<HttpTarget, Place>();
  const placeOf = (target: HttpTarget): Place => {
    let place = places.get(target);
    if (place === undefined) {
      place = whereIs(target);
      places.set(target, place);
    }
    return place;
  };

  return {
    post: (target, payload, delivery) =>
      new Promise((resolve, reject) => {
        const to = {
          ...placeOf(target),
          method: 'POST',
          headers: {
            [HEADER.CONTENT_TYPE]: 'application/json',
            'Content-Length': payload.length,
            [DELIVERY_FIELD]: String(delivery),
          },
        };
        const request = target.secure
          ? requestHttps({ ...to, agent: secureAgent() })
          : requestHttp({ ...to, agent: plain });
        let isConnected = false;
        const end = (error?: MicroError): void => {
          clearTimeout(connecting);
          clearTimeout(answering);
          if (error === undefined) resolve();
          else reject(error);
        };
        const connecting = after(connectTimeoutMs, () =>
          request.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)),
        );
        const answering = after(timeoutMs, () => {
          const detail = `${target.id} at ${target.address} did not answer within ${timeoutMs} ms`;
          end(brokerError(CODE.timeout, detail));
          request.destroy();
        });
        onConnected(request, target.secure, () => {
          isConnected = true;
          clearTimeout(connecting);
        });
        request.once('response', (response) => readAnswer(response, target, end));
        request.on('error', (cause) => {
          const detail = `cannot reach ${target.id} at ${target.address}: ${reasonOf(cause)}`;
          // A kept connection that the subscriber closed while it was idle carried nothing.
          const isStale = request.reusedSocket && 'code' in cause && cause.code === 'ECONNRESET';
          end(isConnected && !isStale ? brokerError(CODE.unavailable, detail, cause) : notTaken(detail, cause));
        });
        request.end(payload);
      }),
    close() {
      plain.destroy();
      for (const agent of secure) agent.destroy();
    },
  };
}

/** What of a request is the same for every message to a target. */
interface Place {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** An address that nobody can reach says nothing against the message. */
function whereIs(target: HttpTarget): Place {
  try {
    const path = `/?${new URLSearchParams({ id: target.id }).toString()}`;
    return { ...dialTarget(target.address), path };
  } catch (cause) {
    throw notTaken(`${target.id} is registered at what is no address: ${reasonOf(cause)}`, cause);
  }
}

function after(ms: number, run: () => void): NodeJS.Timeout | undefined {
  return Number.isFinite(ms) ? setTimeout(run, ms) : undefined;
}

/** Calls back when the request has a connection: at once for one that was kept. */
function onConnected(request: ClientRequest, secure: boolean, connected: () => void): void {
  request.once('socket', (socket) => {
    if (request.reusedSocket) connected();
    else socket.once(secure ? 'secureConnect' : 'connect', connected);
  });
}

function readAnswer(response: IncomingMessage, target: HttpTarget, end: (error?: MicroError) => void): void {
  const status = response.statusCode ?? 0;
  let text = '';
  response.setEncoding('utf8');
  response.on('data', (part: string) => {
    if (text.length < MOST_ANSWER_BYTES) text += part;
  });
  response.on('end', () => end(status >= 200 && status < 300 ? undefined : answerError(status, text, target)));
  const lost = (cause?: Error): void =>
    end(brokerError(CODE.unavailable, `${target.id} at ${target.address} was lost while it answered`, cause));
  response.on('error', lost);
  response.on('close', () => {
    if (!response.complete) lost();
  });
}

/** What an answer other than 200 says. go-micro's subscribers answer 200 whatever happens. */
function answerError(status: number, text: string, target: HttpTarget): MicroError {
  const said = parsed(text);
  const detail = `${target.id} at ${target.address} answered ${status}${said.detail === '' ? '' : `: ${said.detail}`}`;
  if (NOT_RUN.has(status)) return notTaken(detail);
  // A handler that failed is a 500 with its own code inside; another 4xx is about the message, however often it comes.
  if (status >= 500)
    return new MicroError({ id: said.id, code: said.code ?? CODE.internal, detail: said.detail || detail });
  return brokerError(status === CODE.tooLarge ? CODE.tooLarge : CODE.badRequest, detail);
}

function parsed(text: string): { readonly id: string; readonly code: number | undefined; readonly detail: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const fields: { id?: unknown; code?: unknown; detail?: unknown } =
    typeof value === 'object' && value !== null ? value : {};
  const id = typeof fields.id === 'string' ? fields.id : '';
  return {
    id: id === REFUSED ? '' : id.slice(0, 200),
    code: typeof fields.code === 'number' ? fields.code : undefined,
    detail: typeof fields.detail === 'string' ? reasonOf(fields.detail) : '',
  };
}

function tlsAgent(
  settings: ConstructorParameters<typeof HttpAgent>[0],
  tls: TlsOptions | undefined,
  certificates: Certificates | undefined,
): HttpsAgent {
  const name = tls?.serverName;
  return new HttpsAgent({
    ...settings,
    ...certificates?.current(),
    rejectUnauthorized: tls?.insecure !== true,
    ...(name === undefined || isIP(name) !== 0 ? {} : { servername: name }),
  });
}
