import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { CODE, type Logger, MicroError } from '@micro/core';
import { abortError, connectionLog, now, onAbort, reasonOf, sleep, within } from '@micro/core/plugin';
import type { Cluster } from './cluster.ts';
import { at } from './json.ts';
import { ApiRefusal, ID, isRefusal, k8sError, refusalError, retrySecondsOf } from './k8s-error.ts';

/** One question to the API server. */
export interface Question {
  /** What is being done, for errors: `creating greeter-1-0-0`. */
  readonly what: string;
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE' | undefined;
  /** Its parts were checked: nothing in it is escaped. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  readonly body?: unknown;
  /** The content type of the body. Default JSON. */
  readonly type?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Asks an API server. */
export interface Api {
  /** Its `host:port`. */
  readonly where: string;
  /** The JSON of the answer, within the deadline. Throws a `MicroError` for everything else. */
  ask(question: Question): Promise<unknown>;
  /** An answer of unknown length: the deadline holds until it begins, the signal until it ends. */
  open(question: Question & { readonly signal: AbortSignal }): Promise<IncomingMessage>;
  /** A long answer went wrong, which only its reader sees. Makes an error of it. */
  broken(what: string, cause: unknown): MicroError;
  /** Closes every connection. */
  close(): void;
}

/** No answer that is read in whole may be larger. Lists come in pages of 250. */
const LONGEST_ANSWER = 64 * 1_048_576;
/** A question that the server had no time for waits so long when the answer does not say how long. */
const BUSY_MS = 1_000;
/** Questions that are asked at once; more wait for their turn, within their deadline. */
const MOST_QUESTIONS = 64;

/** Everything that is asked of one API server. 0 for `timeoutMs` is no deadline. */
export function createApi(cluster: Cluster, timeoutMs: number, logger: Logger | undefined): Api {
  const { server, where } = cluster;
  const isPlain = server.startsWith('http:');
  // Idle connections hold no process; a request in flight does. Watches and logs have connections of their own, which
  // never keep a question waiting.
  const agentOf = (maxSockets: number): HttpAgent => {
    const options = { keepAlive: true, maxSockets, maxFreeSockets: 8 };
    return isPlain ? new HttpAgent(options) : new Agent(options);
  };
  const questions = agentOf(MOST_QUESTIONS);
  const streams = agentOf(Number.POSITIVE_INFINITY);
  const log = connectionLog(`the API server at ${where}`, logger);

  /** The head of the answer. `signal` ends the answer, too. */
  const send = async (
    { method = 'GET', path, query = {}, body, type }: Question,
    agent: HttpAgent,
    signal: AbortSignal,
  ): Promise<IncomingMessage> => {
    const access = await cluster.access();
    signal.throwIfAborted();
    const url = new URL(`${server}${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...access.headers,
      accept: 'application/json',
      // Of a DELETE with a body Node says the length only when it is told to.
      ...(text === undefined
        ? {}
        : { 'content-type': type ?? 'application/json', 'content-length': Buffer.byteLength(text) }),
    };
    const options = { ...access, method, headers, agent: cluster.usesProxy ? access.agent : agent };
    const attempt = (): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        const request = (isPlain ? httpRequest : httpsRequest)(url, options);
        // Without an error: Node's own `signal` gives one to the connection, and when the answer is there in whole and just
        // not read yet, that ends as an error which nobody can catch.
        const detach = onAbort(signal, () => request.destroy());
        request.on('error', (error: NodeJS.ErrnoException) => {
          detach();
          // The server closed an idle connection just when it was used again: nobody has read the question.
          const isStale = request.reusedSocket && error.code === 'ECONNRESET' && method === 'GET';
          if (isStale && !signal.aborted) attempt().then(resolve, reject);
          else reject(error);
        });
        request.on('response', (response) => {
          // It may be ended before anybody reads it; its reader gets the error all the same.
          response.on('error', () => {});
          response.once('end', detach).once('close', detach);
          resolve(response);
        });
        request.end(text);
      });
    const response = await attempt();
    log.reached();
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return response;
    throw new ApiRefusal(statusCode, await statusOf(response));
  };

  /** Runs within the deadline, and makes a `MicroError` of what goes wrong. */
  const run = async <T>({ what, signal }: Question, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    if (signal?.aborted) throw abortError(ID, what, signal.reason);
    try {
      return await within(timeoutMs, what, work, signal);
    } catch (cause) {
      if (signal?.aborted) throw abortError(ID, what, signal.reason);
      throw errorOf(what, cause);
    }
  };

  const errorOf = (what: string, cause: unknown): MicroError => {
    if (cause instanceof ApiRefusal) return refusalError(what, where, cause);
    if (cause instanceof MicroError && cause.id === ID) {
      if (cause.code === CODE.timeout) log.missed(cause);
      return cause;
    }
    const error = isLate(cause)
      ? k8sError(CODE.timeout, `${what} took longer than ${timeoutMs} ms: does the API server at ${where} work?`, cause)
      : k8sError(
          CODE.unavailable,
          `${what} failed: the API server at ${where} cannot be reached: ${adviceOf(cause)}`,
          cause,
        );
    log.missed(error);
    return error;
  };

  return {
    where,

    ask: (question) =>
      run(question, async (signal) => {
        const until = now() + (timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs);
        for (;;) {
          try {
            const text = await textOf(await send(question, questions, signal));
            return text === '' ? undefined : parse(text);
          } catch (error) {
            // It was not let in, so nothing has been done, and it may be asked again.
            if (!(error instanceof ApiRefusal && error.http === 429)) throw error;
            const ms = ((retrySecondsOf(error) ?? 0) * 1_000 || BUSY_MS) * (1 + Math.random() / 4);
            // Without time for another try the user hears what the server has said, not that it took too long.
            if (now() + ms > until) throw error;
            await sleep(ms, signal);
            signal.throwIfAborted();
          }
        }
      }),

    open(question) {
      const { signal } = question;
      // Its beginning has a deadline; after that it lasts until the signal aborts.
      return run(question, (opening) => send(question, streams, AbortSignal.any([opening, signal])));
    },

    broken: errorOf,

    close() {
      log.close();
      questions.destroy();
      streams.destroy();
    },
  };
}

/** Whether an error means that there is no sense in trying again. */
export function isHopeless(error: unknown): boolean {
  return [400, 401, 403, 404, 405, 422].some((http) => isRefusal(error, http));
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop closes the connection.
    if (size > LONGEST_ANSWER) throw k8sError(CODE.tooLarge, `an answer is larger than ${LONGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** What a refusal says; a proxy in between may say anything. */
async function statusOf(response: IncomingMessage): Promise<unknown> {
  const retryAfter = Number(response.headers['retry-after']);
  const text = await textOf(response);
  try {
    const status: unknown = JSON.parse(text);
    if (at(status, 'kind') === 'Status') return status;
  } catch {
    // No JSON: the text is what there is.
  }
  const message = text.trim() || response.statusMessage || 'no reason given';
  return { message, ...(retryAfter > 0 ? { details: { retryAfterSeconds: retryAfter } } : {}) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw k8sError(CODE.unavailable, `an answer is no JSON: is this an API server? ${reasonOf(cause)}`, cause);
  }
}

function isLate(cause: unknown): boolean {
  return cause instanceof MicroError && cause.code === CODE.timeout;
}

/** What went wrong below HTTP, and what may help. */
function adviceOf(cause: unknown): string {
  // A host with several addresses fails with one error for each, and none of its own.
  const [first] = cause instanceof AggregateError ? (cause.errors as unknown[]) : [cause];
  const code = String(at(first, 'code') ?? '');
  const hint = /CERT|SIGNATURE|ALTNAME|SELF_SIGNED/.test(code)
    ? '; does certificate-authority of the kubeconfig belong to this server?'
    : '; does it run, and does the kubeconfig name it?';
  return `${reasonOf(first)}${hint}`;
}
