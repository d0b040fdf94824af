import type { Socket as NetSocket } from 'node:net';
import { END_OF_STREAM, HEADER, OLD_PREFIX } from '../contract/header.ts';
import type { Header, Message } from '../contract/message.ts';
import type { PlainAnswer, PlainRequest } from '../contract/transport.ts';
import { CODE, reasonPhrase } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { fieldValue, type RenderFields, writeMessage } from './http1-fields.ts';

/** What the head of a request says about the way it is answered. */
export interface Http1Request {
  /** `Micro-Id`; plain HTTP clients send none, and are answered in the order in which they asked. */
  readonly id: string | undefined;
  /** The id of the stream that the message belongs to. */
  readonly stream: string | undefined;
  readonly method: string;
  /** The target as the first line has it, with its query. */
  readonly target: string;
  /** It is HTTP/1.0. */
  readonly old: boolean;
  readonly close: boolean;
  readonly keepAlive: boolean;
  /** The bytes of its body. */
  readonly size: number;
}

const NO_FIELDS: Header = Object.freeze(Object.create(null));
const NO_BODY = new Uint8Array(0);
const END = `${HEADER.ERROR}: ${END_OF_STREAM}\r\n${OLD_PREFIX}${HEADER.ERROR}: ${END_OF_STREAM}\r\n`;

/** A message that says nothing. */
export const EMPTY_MESSAGE: Message = { header: NO_FIELDS, body: NO_BODY };

/** Go's phrases for what is no code of a `MicroError`. */
const PHRASES: Readonly<Record<number, string>> = { 200: 'OK', 505: 'HTTP Version Not Supported' };

const CALL_FIELDS: readonly string[] = [HEADER.ENDPOINT, HEADER.METHOD, HEADER.TOPIC].flatMap((name) => [
  name,
  OLD_PREFIX + name,
]);

/** Whether a request comes from a client that knows nothing of go-micro's ids. */
export function isPlain(request: Http1Request): boolean {
  return request.id === undefined && request.stream === undefined;
}

/** Whether a message is a call: it names an endpoint or a topic, or has a body that may do so. */
export function isCall({ header, body }: Message): boolean {
  return body.length > 0 || CALL_FIELDS.some((name) => header[name] !== undefined);
}

/** `Micro-Id` and its older name, written out. */
export function idLines(id: string | undefined): string {
  if (id === undefined) return '';
  const value = fieldValue(id);
  return `${HEADER.ID}: ${value}\r\n${OLD_PREFIX}${HEADER.ID}: ${value}\r\n`;
}

/** The text of `Micro-Error`, where a message has one. */
export function errorOf({ header, extra }: Message): string | undefined {
  const text = extra?.[HEADER.ERROR] ?? header[HEADER.ERROR];
  return text === '' ? undefined : text;
}

/** An error as a message. */
export function errorMessage(error: unknown): Message {
  const extra: Record<string, string> = Object.create(null);
  extra[HEADER.ERROR] = JSON.stringify(MicroError.from(error));
  return { header: NO_FIELDS, extra, body: NO_BODY };
}

/** Writes the message that answers a unary call; `last` says that the connection ends after it. */
export function writeReply(
  socket: NetSocket,
  render: RenderFields,
  request: Http1Request,
  message: Message,
  last: boolean,
): void {
  const { body } = message;
  const fields = render(message) + idLines(request.id) + connectionLine(request, last);
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n`;
  writeMessage(socket, head, request.method === 'HEAD' ? NO_BODY : body);
}

/** Writes a message of a stream. */
export function writeStreamMessage(socket: NetSocket, render: RenderFields, ids: string, message: Message): void {
  const { body } = message;
  writeMessage(socket, `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${render(message)}${ids}\r\n`, body);
}

/** Writes that a stream has ended. */
export function writeStreamEnd(socket: NetSocket, ids: string): void {
  writeMessage(socket, `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${END}${ids}\r\n`, NO_BODY);
}

/** Answers what is HTTP but no call: as the listener's owner says, or else with what a client did wrong. */
export function writePlainAnswer(
  socket: NetSocket,
  request: Http1Request,
  last: boolean,
  plain: ((request: PlainRequest) => PlainAnswer | undefined) | undefined,
): void {
  const answer = plain?.({ method: request.method, path: request.target.split('?', 1)[0] ?? '' });
  if (answer !== undefined) {
    write(socket, answer, request, last, 'Cache-Control: no-store\r\n');
  } else if (request.method === 'GET' || request.method === 'HEAD') {
    writeText(socket, 404, 'nothing is served here but calls, with POST', request, last);
  } else if (request.method === 'POST') {
    writeText(socket, 400, `a call names its endpoint in ${HEADER.ENDPOINT}, or in its body`, request, last);
  } else {
    writeText(socket, 405, 'calls are made with POST', request, last, 'Allow: POST\r\n');
  }
}

/** Says that a request will not be answered, and why. */
export function writeGivenUp(socket: NetSocket, request: Http1Request, reason: MicroError, last: boolean): void {
  const status = reason.code === CODE.unavailable ? 503 : 500;
  writeText(socket, status, reason.detail, request, last, idLines(request.id));
}

/** Says why the connection ends. */
export function writeRefusal(socket: NetSocket, status: number, why: string): void {
  writeText(socket, status, why, undefined, true);
}

function writeText(
  socket: NetSocket,
  status: number,
  text: string,
  request: Http1Request | undefined,
  last: boolean,
  fields = '',
): void {
  write(socket, { status, contentType: 'text/plain; charset=utf-8', body: `${text}\n` }, request, last, fields);
}

function write(
  socket: NetSocket,
  answer: PlainAnswer,
  request: Http1Request | undefined,
  last: boolean,
  fields: string,
): void {
  const { status, contentType } = answer;
  const body = Buffer.from(answer.body);
  const head =
    `HTTP/1.1 ${status} ${PHRASES[status] || reasonPhrase(status) || 'Error'}\r\n${HEADER.CONTENT_TYPE}: ${fieldValue(contentType)}\r\n` +
    `Content-Length: ${body.length}\r\n${fields}${connectionLine(request, last)}\r\n`;
  writeMessage(socket, head, request?.method === 'HEAD' ? NO_BODY : body);
}

function connectionLine(request: Http1Request | undefined, last: boolean): string {
  if (last) return 'Connection: close\r\n';
  return request?.old === true && isPlain(request) ? 'Connection: keep-alive\r\n' : '';
}
