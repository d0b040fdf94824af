import { isIPv4 } from 'node:net';
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode, encodingLength, type Question } from 'dns-packet';
import { formatAddress } from '../util/address.ts';

/** How long others may believe a record, in seconds: go-micro's. */
export const RECORD_TTL_S = 120;

/** What stands in DNS about one node, or about one name in the list of services. */
export interface MdnsInstance {
  /** The name of the PTR record that leads here. */
  readonly parent: string;
  /** The name of the instance itself. */
  readonly name: string;
  readonly host: string;
  readonly ip: string;
  readonly port: number;
  readonly text: readonly Buffer[];
  /** In seconds. */
  readonly ttl: number;
}

/** One question of a query. */
export interface MdnsQuestion {
  readonly name: string;
  /** `PTR`, `SRV`, `ANY`, … */
  readonly type: string;
  /** The asker wishes a unicast answer, which it gets anyway; but then the answer also has the query's id. */
  readonly unicast: boolean;
}

/** A query as it came. */
export interface MdnsQuery {
  readonly id: number;
  readonly questions: readonly MdnsQuestion[];
  /** The question section, to be sent back as it is: Go's querier recognises its answer by that. */
  readonly section: Buffer;
}

/** An instance that a response told about. */
export interface HeardInstance {
  readonly name: string;
  /** `ip:port`; `undefined` when the response did not say. */
  readonly address: string | undefined;
  readonly text: readonly Buffer[] | undefined;
  /** In seconds; 0 says goodbye. */
  readonly ttl: number;
}

const HEADER = 12;
const CLASS_IN = 1;
const UNICAST_BIT = 0x80_00;
/** A packet has room for thousands of questions, each of which would be answered. */
const MAX_QUESTIONS = 16;
/** More than one instance per packet is already more than Go's querier reads. */
const MAX_INSTANCES = 256;

/** Whether a packet is a response (QR set), by its header alone. */
export function isResponse(packet: Buffer): boolean {
  return packet.length >= HEADER && ((packet[2] ?? 0) & 0x80) !== 0;
}

/** Whether a packet is about a standard query and reports no error; others are none of our business. */
function isOrdinary(packet: Buffer): boolean {
  return ((packet[2] ?? 0) & 0x78) === 0 && ((packet[3] ?? 0) & 0x0f) === 0;
}

/** A packet that asks for the PTR records of a name. */
export function questionPacket(name: string): Buffer {
  return encode({ type: 'query', id: 0, flags: 0, questions: [{ type: 'PTR', name, class: 'IN' }] });
}

/** The unsolicited news of an instance: no question, no PTR record, as go-micro sends it. With ttl 0 it says goodbye. */
export function announcementPacket(instance: MdnsInstance, ttl: number = instance.ttl): Buffer {
  return encode({ type: 'response', id: 0, flags: 0, answers: instanceRecords({ ...instance, ttl }) });
}

/** The answer to a query: the same question, and these records. */
export function answerPacket(query: MdnsQuery, answers: readonly Answer[]): Buffer {
  const id = query.questions.some(({ unicast }) => unicast) ? query.id : 0;
  const packet = encode({ type: 'response', id, flags: AUTHORITATIVE_ANSWER, answers: [...answers] });
  const header = packet.subarray(0, HEADER);
  header.writeUInt16BE(query.questions.length, 4);
  // Nothing in the answers refers to a place in the packet, so the questions can be put before them.
  return Buffer.concat([header, query.section, packet.subarray(HEADER)]);
}

/** How long the answer about an instance is, the longest packet there is about it. */
export function answerLength(instance: MdnsInstance): number {
  const questions: Question[] = [{ type: 'PTR', name: instance.parent, class: 'IN' }];
  return encodingLength({
    type: 'response',
    questions,
    answers: [pointerRecord(instance), ...instanceRecords(instance)],
  });
}

/** The record that leads from the parent to the instance. */
export function pointerRecord({ parent, name, ttl }: MdnsInstance): Answer {
  return { type: 'PTR', name: parent, class: 'IN', ttl, data: name };
}

export function serviceRecord({ name, host, port, ttl }: MdnsInstance): Answer {
  return { type: 'SRV', name, class: 'IN', ttl, data: { priority: 10, weight: 1, port, target: host } };
}

export function addressRecord({ host, ip, ttl }: MdnsInstance): Answer {
  return { type: isIPv4(ip) ? 'A' : 'AAAA', name: host, class: 'IN', ttl, data: ip };
}

export function textRecord({ name, text, ttl }: MdnsInstance): Answer {
  return { type: 'TXT', name, class: 'IN', ttl, data: [...text] };
}

/** SRV before the address: Go finds the address by the host that SRV named. */
export function instanceRecords(instance: MdnsInstance): Answer[] {
  return [serviceRecord(instance), addressRecord(instance), textRecord(instance)];
}

/** Reads a query; `undefined` for what is none, or broken. Only questions of class IN are kept, in the section all are. */
export function readQuery(packet: Buffer): MdnsQuery | undefined {
  if (isResponse(packet) || !isOrdinary(packet)) return undefined;
  try {
    const { id, questions = [] } = decode(packet);
    if (questions.length === 0 || questions.length > MAX_QUESTIONS) return undefined;
    const kept: MdnsQuestion[] = [];
    let at = HEADER;
    for (const { name, type } of questions) {
      at = afterName(packet, at) + 4;
      const cls = packet.readUInt16BE(at - 2);
      if ((cls & ~UNICAST_BIT) === CLASS_IN) kept.push({ name, type, unicast: (cls & UNICAST_BIT) !== 0 });
    }
    if (kept.length !== questions.length) return undefined;
    return { id: id ?? 0, questions: kept, section: packet.subarray(HEADER, at) };
  } catch {
    return undefined;
  }
}

/** Reads what a response tells about instances; `[]` for what is no response, or broken. */
export function readResponse(packet: Buffer): readonly HeardInstance[] {
  if (!isResponse(packet) || !isOrdinary(packet)) return [];
  try {
    const { answers = [], additionals = [] } = decode(packet);
    return instancesOf([...answers, ...additionals]);
  } catch {
    return [];
  }
}

function instancesOf(records: readonly Answer[]): readonly HeardInstance[] {
  const ips = new Map<string, string>();
  const texts = new Map<string, readonly Buffer[]>();
  for (const record of records) {
    // A host with both has its IPv4 address used, as go-micro does.
    if (record.type === 'A' || (record.type === 'AAAA' && !ips.has(record.name))) ips.set(record.name, record.data);
    else if (record.type === 'TXT') texts.set(record.name, buffers(record.data));
  }
  const instances: HeardInstance[] = [];
  for (const record of records) {
    if (record.type !== 'SRV' || instances.length >= MAX_INSTANCES) continue;
    const { target, port } = record.data;
    const ip = ips.get(target);
    const address = ip === undefined || port === 0 ? undefined : formatAddress(ip, port);
    instances.push({ name: record.name, address, text: texts.get(record.name), ttl: record.ttl ?? 0 });
  }
  return instances;
}

function buffers(data: unknown): readonly Buffer[] {
  return Array.isArray(data) ? data.filter((part): part is Buffer => Buffer.isBuffer(part)) : [];
}

/** Where a name that was already decoded ends. */
function afterName(packet: Buffer, start: number): number {
  for (let at = start; ; ) {
    const length = packet.readUInt8(at);
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    at += length + 1;
  }
}
