import type { BrokerMessage } from '../contract/broker.ts';
import { HEADER } from '../contract/header.ts';
import { CODE } from '../error/code.ts';
import { reasonOf } from '../util/reason.ts';
import { brokerError } from './broker-error.ts';

/** The service that the subscriptions of go-micro's http broker are registered under. */
export const HTTP_BROKER_SERVICE = 'micro.http.broker';

/** The version under which a subscription without a queue is registered. */
export const BROADCAST_VERSION = 'ff.http.broadcast';

/** Where our publishers say which delivery of a message this is; go-micro's publishers, who never repeat, do not. */
export const DELIVERY_FIELD = 'Delivery-Attempt';

/** Base64 as Go reads it, line breaks aside. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** The body of the POST that carries a message: go-micro's JSON, `Micro-Topic` in its header, names sorted as Go does. */
export function encodeHttpMessage(topic: string, { header, body }: BrokerMessage): Buffer {
  const fields: Record<string, string> = Object.create(null);
  const given = new Map(Object.entries(header)).set(HEADER.TOPIC, topic);
  for (const name of [...given.keys()].sort()) fields[name] = given.get(name) ?? '';
  const base64 = Buffer.from(body.buffer, body.byteOffset, body.length).toString('base64');
  return Buffer.from(JSON.stringify({ Header: fields, Body: base64 }));
}

/** Reads the body of such a POST; the names of its two members are read in any case, as in Go. Throws 400. */
export function decodeHttpMessage(bytes: Buffer): BrokerMessage {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch (cause) {
    throw brokerError(CODE.badRequest, `the message is no JSON: ${reasonOf(cause)}`, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw brokerError(CODE.badRequest, 'the message is no JSON object with Header and Body');
  }
  let header: unknown;
  let body: unknown;
  for (const [name, member] of Object.entries(value)) {
    const lower = name.toLowerCase();
    if (lower === 'header') header = member;
    else if (lower === 'body') body = member;
  }
  return { header: headerOf(header), body: bytesOf(body) };
}

function headerOf(value: unknown): Readonly<Record<string, string>> {
  const header: Record<string, string> = Object.create(null);
  if (value === undefined || value === null) return header;
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw brokerError(CODE.badRequest, 'Header is no JSON object');
  }
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== 'string') {
      throw brokerError(CODE.badRequest, `field ${JSON.stringify(name.slice(0, 80))} in Header is no text`);
    }
    header[name] = text;
  }
  return Object.freeze(header);
}

function bytesOf(value: unknown): Uint8Array {
  if (value === undefined || value === null) return new Uint8Array(0);
  const text = typeof value === 'string' ? value.replaceAll(/[\r\n]/g, '') : undefined;
  if (text === undefined || text.length % 4 !== 0 || !BASE64.test(text)) {
    throw brokerError(CODE.badRequest, 'Body is no base64 text');
  }
  return Buffer.from(text, 'base64');
}
