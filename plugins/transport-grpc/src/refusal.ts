import { CODE, MicroError } from '@micro/core';
import { type Carrier, REFUSED } from '@micro/core/plugin';
import type { GrpcLimits } from './grpc-options.ts';

const ID = 'go.micro.transport.grpc';

/** How long connecting may take unless somebody says otherwise, in milliseconds: go-micro's dial timeout. */
export const CONNECT_MS = 5_000;

/** What a server that drains says to what is new: it did not run, so its caller may go elsewhere. */
export function draining(): MicroError {
  return new MicroError({ id: REFUSED, code: CODE.unavailable, detail: 'the server is draining' });
}

/** What both sides are told of exchanges that were open when a listener was closed. */
export function stopped(): MicroError {
  return new MicroError({ id: 'go.micro.server', code: CODE.unavailable, detail: 'the server was stopped' });
}

/** The peer gave the exchange up, or is gone. */
export function gone(remote: string): MicroError {
  const detail = `${remote} gave the exchange up, or its connection was lost`;
  return new MicroError({ id: ID, code: CODE.cancelled, detail });
}

/** No connection, so nothing can have run. */
export function unreachable(address: string, why: string): MicroError {
  const detail = `connection error: cannot connect to ${address}: ${why}`;
  return new MicroError({ id: 'go.micro.client', code: CODE.unavailable, detail, unexecuted: true });
}

/** The connection ended with the exchange open. */
export function lost(address: string, why: string): MicroError {
  const detail = `connection to ${address} lost before the answer (the call may have been executed): ${why}`;
  return new MicroError({ id: 'go.micro.client.transport', code: CODE.unavailable, detail });
}

/** The deadline has passed; `connected` says whether the exchange had reached the peer. */
export function late(address: string, connected: boolean): MicroError {
  const where = connected ? 'waiting for the reply of' : 'connecting to';
  const detail = `call timeout: the deadline passed while ${where} ${address}`;
  return new MicroError({ id: 'go.micro.client', code: CODE.timeout, detail, unexecuted: !connected });
}

/** The transport was closed on this side. */
export function closed(): MicroError {
  const detail = 'the transport was closed with the exchange still open';
  return new MicroError({ id: 'go.micro.client', code: CODE.cancelled, detail });
}

/** What carries an exchange that cannot be carried anywhere. */
export function nowhere(remote: string): Carrier {
  const nothing = (): void => {};
  return {
    local: 'localhost',
    remote,
    congested: false,
    write: nothing,
    writeEnd: nothing,
    abandon: nothing,
    taken: nothing,
    release: nothing,
  };
}

/** A message is larger than the limit, ours or the peer's. */
export function tooLarge(bytes: number, { maxMessageBytes }: GrpcLimits, unexecuted = false): MicroError {
  const detail = `message of ${bytes} bytes is larger than the limit of ${maxMessageBytes}: send less, or raise maxMessageBytes on both sides`;
  return new MicroError({ id: ID, code: CODE.tooLarge, detail, unexecuted });
}

/** The fields of a message are over the limit. */
export function headerTooLarge({ maxHeaderBytes, maxHeaderFields }: GrpcLimits): MicroError {
  const detail = `the fields of a message are over the limit of ${maxHeaderBytes} bytes and ${maxHeaderFields} fields`;
  return new MicroError({ id: ID, code: CODE.headerTooLarge, detail });
}

/** These bytes are no message. */
export function malformed(why: string): MicroError {
  const detail = `this is no go.micro.transport.grpc.Message: ${why}`;
  return new MicroError({ id: ID, code: CODE.badRequest, detail });
}
