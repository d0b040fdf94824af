import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { testCertificates } from './certificates.ts';

/** A reply of Redis: a string or a number, `undefined` for nil, or a list of these. */
export type RedisReply = string | number | undefined | readonly RedisReply[];

/** Where a Redis server is, and how one gets in. */
export interface RedisDoor {
  readonly host: string;
  readonly port: number;
  readonly password?: string | undefined;
  readonly tls?: boolean | undefined;
}

/** Asks Redis one thing on a connection of its own. Rejects with its text when it answers with an error. */
export async function askRedis(door: RedisDoor, command: readonly string[], timeoutMs = 2_000): Promise<RedisReply> {
  const commands = [...(door.password === undefined ? [] : [['AUTH', door.password]]), command];
  const socket = open(door);
  try {
    return await new Promise<RedisReply>((resolve, reject) => {
      let seen = '';
      // Byte for character: the lengths in replies count bytes.
      socket.setEncoding('latin1');
      socket.setTimeout(timeoutMs, () => reject(new Error(`redis on ${door.host}:${door.port} did not answer`)));
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`redis on ${door.host}:${door.port} hung up`)));
      socket.on('data', (chunk: string) => {
        seen += chunk;
        try {
          const replies = readReplies(seen, commands.length);
          if (replies !== undefined) resolve(replies.at(-1));
        } catch (error) {
          reject(error);
        }
      });
      socket.write(commands.map(encode).join(''));
    });
  } finally {
    socket.destroy();
  }
}

function open({ host, port, tls = false }: RedisDoor): Socket {
  if (!tls) return connect({ host, port });
  const { ca, clientCert, clientKey } = testCertificates();
  return connectTls({ host, port, ca, cert: clientCert, key: clientKey, servername: 'localhost' });
}

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

/** Redis' first protocol, as far as its replies go. `undefined` while something is missing; throws the first error reply. */
function readReplies(text: string, count: number): readonly RedisReply[] | undefined {
  let at = 0;
  const next = (): RedisReply => {
    const end = text.indexOf('\r\n', at);
    if (end < 0) throw MORE;
    const kind = text[at];
    const rest = text.slice(at + 1, end);
    at = end + 2;
    if (kind === '+') return rest;
    if (kind === ':') return Number(rest);
    if (kind === '-') throw new Error(`redis answered: ${rest}`);
    const length = Number(rest);
    if (length < 0) return undefined;
    if (kind === '*') return Array.from({ length }, next);
    if (kind !== '$') throw new Error(`redis answered what is no reply: ${text.slice(0, 100)}`);
    if (text.length < at + length + 2) throw MORE;
    const bulk = text.slice(at, at + length);
    at += length + 2;
    return bulk;
  };
  try {
    return Array.from({ length: count }, next);
  } catch (error) {
    if (error === MORE) return undefined;
    throw error;
  }
}

const MORE = new Error('more is to come');
