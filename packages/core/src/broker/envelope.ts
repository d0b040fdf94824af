import type { BrokerMessage } from '../contract/broker.ts';
import { HEADER } from '../contract/header.ts';
import { CODE } from '../error/code.ts';
import { reasonOf } from '../util/reason.ts';
import { brokerError } from './broker-error.ts';

/** Base64 as Go reads it, line breaks aside. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * A message as go-micro's http and NATS brokers carry it: the JSON `{"Header":{…},"Body":"<base64>"}`, with `Micro-Topic` in
 * its header and the names sorted as Go sorts them.
 */
export function encodeEnvelope(topic: string, { header, body }: BrokerMessage): Buffer {
  const fields = isReady(topic, header) ? header : readied(topic, header);
  const base64 = Buffer.from(body.buffer, body.byteOffset, body.length).toString('base64');
  // Base64 needs no escapes, so it is not looked at again.
  return Buffer.from(`{"Header":${JSON.stringify(fields)},"Body":"${base64}"}`);
}

/** What `client.publish` makes is most often right as it is, and need not be copied. */
function isReady(topic: string, header: BrokerMessage['header']): boolean {
  if (header[HEADER.TOPIC] !== topic) return false;
  let before = '';
  for (const name of Object.keys(header)) {
    if (name < before) return false;
    before = name;
  }
  return true;
}

function readied(topic: string, header: BrokerMessage['header']): BrokerMessage['header'] {
  const fields: Record<string, string> = Object.create(null);
  const names = Object.keys(header);
  if (!Object.hasOwn(header, HEADER.TOPIC)) names.push(HEADER.TOPIC);
  for (const name of names.sort()) fields[name] = name === HEADER.TOPIC ? topic : (header[name] ?? '');
  return fields;
}

/** Reads what `encodeEnvelope` or Go wrote; the names of the two members are read in any case, as in Go. Throws 400. */
export function decodeEnvelope(bytes: Uint8Array): BrokerMessage {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch (cause) {
    throw brokerError(CODE.badRequest, `the message is no JSON: ${reasonOf(cause)}`, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw brokerError(CODE.badRequest, 'the message is no JSON object with Header and Body');
  }
  let header: unknown;
  let body: unknown;
  for (const name in value) {
    const member = (value as Readonly<Record<string, unknown>>)[name];
    if (name === 'Header') header = member;
    else if (name === 'Body') body = member;
    else if (name.toLowerCase() === 'header') header = member;
    else if (name.toLowerCase() === 'body') body = member;
  }
  return { header: headerOf(header), body: bytesOf(body) };
}

function headerOf(value: unknown): Readonly<Record<string, string>> {
  const header: Record<string, string> = Object.create(null);
  if (value === undefined || value === null) return header;
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw brokerError(CODE.badRequest, 'Header is no JSON object');
  }
  // What JSON.parse makes has no names but its own.
  for (const name in value) {
    const text = (value as Readonly<Record<string, unknown>>)[name];
    if (typeof text !== 'string') {
      throw brokerError(CODE.badRequest, `field ${JSON.stringify(name.slice(0, 80))} in Header is no text`);
    }
    header[name] = text;
  }
  return header;
}

function bytesOf(value: unknown): Uint8Array {
  if (value === undefined || value === null) return new Uint8Array(0);
  if (typeof value !== 'string') throw brokerError(CODE.badRequest, 'Body is no base64 text');
  const bytes = Buffer.from(value, 'base64');
  // Characters that are not base64 are left out: as many bytes as there should be say that there was none.
  if (bytes.length === lengthOf(value)) return bytes;
  const text = value.replaceAll(/[\r\n]/g, '');
  if (text.length % 4 !== 0 || !BASE64.test(text)) throw brokerError(CODE.badRequest, 'Body is no base64 text');
  return Buffer.from(text, 'base64');
}

/** How many bytes a text of padded base64 stands for; not a whole number for what cannot be one. */
function lengthOf(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}
