import { startNats } from '@micro/test-servers';
import type { Served } from '../peer.ts';

/** A NATS server, with JetStream or without. */
export async function serveNats(jetStream: boolean): Promise<Required<Served>> {
  const nats = await startNats({ jetStream });
  return { address: nats.url, pids: nats.pid === undefined ? [] : [nats.pid], close: () => nats.close() };
}

/** What micro sends over NATS, made by hand: a JSON object with headers, and the message in base64. */
export function encodeEvent(topic: string, id: string, body: unknown): Buffer {
  const header = { 'Content-Type': 'application/json', 'Micro-Id': id, 'Micro-Topic': topic };
  return Buffer.from(JSON.stringify({ Header: header, Body: Buffer.from(JSON.stringify(body)).toString('base64') }));
}

/** The message in an envelope. */
export function decodeEvent<T>(data: Uint8Array): T {
  const { Body } = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString());
  return JSON.parse(Buffer.from(Body, 'base64').toString());
}
