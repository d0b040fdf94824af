import { CODE, type Code, REFUSED } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { reasonOf } from '../util/reason.ts';

const ID = 'go.micro.broker';

/** Codes with which a message says that it will never be handled, however often it comes. */
const HOPELESS: ReadonlySet<number> = new Set([CODE.badRequest, CODE.tooLarge, CODE.unsupportedMediaType]);

/** An error of a broker, under the id that go-micro's has. */
export function brokerError(code: Code, detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: ID, code, detail, cause });
}

/** The event was not handed to a handler and may go elsewhere, or come later. */
export function notTaken(detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: REFUSED, code: CODE.unavailable, detail, cause, unexecuted: true });
}

/** What `publish` throws while the broker is not connected. */
export function notConnected(topic: string): MicroError {
  return brokerError(CODE.unavailable, `cannot publish to ${topic}: the broker is not connected; call connect first`);
}

/** What a handler threw, as an error of this broker where it was not a `MicroError`. */
export function handlerError(error: unknown): MicroError {
  return MicroError.from(error, { id: ID, code: CODE.internal, detail: reasonOf(error) });
}

/** Whether another delivery cannot help: the message itself is at fault (400, 413, 415). */
export function isHopeless(error: MicroError): boolean {
  return HOPELESS.has(error.code);
}
