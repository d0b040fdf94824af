import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

/*
 * What exchanges fail with, whatever carries them. An error is marked as unexecuted only where nothing can have run.
 */

const ID = 'go.micro.client.transport';

/** The connection ended with the exchange open. */
export function lost(remote: string, reason: string): MicroError {
  const detail = `connection to ${remote} lost before the answer (the call may have been executed): ${reason}`;
  return new MicroError({ id: ID, code: CODE.unavailable, detail });
}

/** The peer ended the connection without having said anything, which a server that begins to work does first. */
export function unheard(remote: string, reason: string): MicroError {
  const detail = `connection to ${remote} ended before the peer said anything: ${reason}`;
  return new MicroError({ id: ID, code: CODE.unavailable, detail, unexecuted: true });
}

/** The peer leaves, and has not taken this exchange up. */
export function leaving(remote: string, text: string): MicroError {
  const detail = `${remote} takes no new calls on this connection: ${text}`;
  return new MicroError({ id: ID, code: CODE.unavailable, detail, unexecuted: true });
}

/** The deadline of an exchange has passed. */
export function late(remote: string): MicroError {
  const detail = `no answer from ${remote} before the deadline`;
  return new MicroError({ id: 'go.micro.client', code: CODE.timeout, detail });
}

/** The peer gave an exchange up. */
export function cancelled(text: string): MicroError {
  return new MicroError({ code: CODE.cancelled, detail: `cancelled by the peer: ${text}` });
}

/** A message is larger than the peer takes; it was not sent. */
export function tooLarge(remote: string, bytes: number, most: number): MicroError {
  const detail = `message of ${bytes} bytes: ${remote} takes at most ${most}`;
  return new MicroError({ code: CODE.tooLarge, detail, unexecuted: true });
}

/** Whether a connection failed because the other side closed it. */
export function isReset(error: Error): boolean {
  return 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}
