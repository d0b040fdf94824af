import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, utimes } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import { runConformance } from '../../src/conformance/run.ts';
import { transportCases } from '../../src/conformance/transport.ts';
import type { Message } from '../../src/contract/message.ts';
import type { Listener, Transport } from '../../src/contract/transport.ts';
import { httpTransport } from '../../src/transport/http-transport.ts';
import { bind } from '../../src/util/bind.ts';
import { keepCertificates, loadCertificates, type TlsOptions } from '../../src/util/tls.ts';
import { within } from '../../src/util/within.ts';

const pem = (name: string): string => join(import.meta.dirname, 'certificates', name);
const SERVER: TlsOptions = { certFile: pem('server.pem'), keyFile: pem('server.key'), caFile: pem('authority.pem') };
const CLIENT: TlsOptions = { caFile: pem('authority.pem') };
const QUESTION: Message = {
  header: Object.freeze({ 'Micro-Endpoint': 'A.B', 'Content-Type': 'application/json' }),
  body: Buffer.from('{}'),
};

const opened: Transport[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
});
const transport = (tls: TlsOptions, frames = true): Transport => {
  const made = httpTransport({ tls, frames });
  opened.push(made);
  return made;
};
const listening = (tls: TlsOptions): Promise<Listener> =>
  transport(tls).listen('127.0.0.1:0', async (socket) => {
    const message = await socket.receive();
    if (message !== undefined) await socket.end(message);
  });
const ask = async (client: Transport, listener: Listener): Promise<string> => {
  const socket = client.dial(listener.address, { metadata: listener.metadata });
  await socket.send(QUESTION);
  const answer = await socket.receive();
  return Buffer.from(answer?.body ?? []).toString();
};

describe.each([
  ['frames', true],
  ['HTTP/1.1', false],
])('the http transport with TLS, %s', (_, frames) => {
  runConformance({
    test,
    cases: transportCases,
    world() {
      const made: Transport[] = [];
      return {
        maxMessageBytes: 1_048_576,
        create() {
          const one = httpTransport({ tls: SERVER, frames, maxMessageBytes: 1_048_576 });
          made.push(one);
          return one;
        },
        async close() {
          await Promise.all(made.map((one) => one.close()));
        },
      };
    },
  });
});

test('a certificate that no trusted authority signed is refused, unless the client says that it accepts any', async () => {
  const listener = await listening(SERVER);
  await expect(ask(transport({}), listener)).rejects.toMatchObject({ code: 503, unexecuted: true });
  await expect(ask(transport({ caFile: pem('stranger.pem') }), listener)).rejects.toMatchObject({ code: 503 });
  expect(await ask(transport({ insecure: true }), listener)).toBe('{}');
  expect(await ask(transport(CLIENT), listener)).toBe('{}');
  await listener.close();
});

test('a certificate for another name is refused', async () => {
  const listener = await listening(SERVER);
  await expect(ask(transport({ ...CLIENT, serverName: 'elsewhere' }), listener)).rejects.toMatchObject({ code: 503 });
  expect(await ask(transport({ ...CLIENT, serverName: 'localhost' }), listener)).toBe('{}');
  await listener.close();
});

test('a listener that asks for client certificates takes only those that its authority signed', async () => {
  const listener = await listening({ ...SERVER, requireClientCert: true });
  await expect(ask(transport(CLIENT), listener)).rejects.toMatchObject({ code: 503 });
  const stranger = { ...CLIENT, certFile: pem('stranger.pem'), keyFile: pem('stranger.key') };
  await expect(ask(transport(stranger), listener)).rejects.toMatchObject({ code: 503 });
  const known = { ...CLIENT, certFile: pem('client.pem'), keyFile: pem('client.key') };
  expect(await ask(transport(known), listener)).toBe('{}');
  await listener.close();
});

test('certificate files that change are picked up without a restart, and calls go on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'micro-tls-'));
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  await copyFile(pem('server.pem'), certFile);
  await copyFile(pem('server.key'), keyFile);
  const listener = await listening({ certFile, keyFile });
  const client = transport(CLIENT);
  expect(await ask(client, listener)).toBe('{}');
  expect(await subjectOf(listener)).toBe('server');

  await copyFile(pem('renewed.pem'), certFile);
  await copyFile(pem('renewed.key'), keyFile);
  const later = new Date(Date.now() + 5_000);
  await utimes(certFile, later, later);
  await eventually(async () => expect(await subjectOf(listener)).toBe('renewed'), { everyMs: 200 });
  expect(await ask(client, listener)).toBe('{}');
  expect(await ask(transport(CLIENT), listener)).toBe('{}');
  await listener.close();
  await rm(folder, { recursive: true });
});

test('a certificate file that is not there is an error when the transport is made', () => {
  expect(() => httpTransport({ tls: { certFile: pem('nowhere.pem') } })).toThrow(/nowhere\.pem/);
});

test('somebody without TLS on a port with TLS gets nothing, and others notice nothing', async () => {
  const listener = await listening(SERVER);
  const plain = httpTransport();
  opened.push(plain);
  await expect(ask(plain, listener)).rejects.toMatchObject({ code: 503 });
  expect(await ask(transport(CLIENT), listener)).toBe('{}');
  await listener.close();
});

test('a listener closes at once while somebody has connected and shakes no hands', async () => {
  const listener = await listening(SERVER);
  const silent = await silentPeer(listener);
  await within(3_000, 'closing the listener', () => listener.close());
  await silent.closed;
});

test('who shakes no hands in time is disconnected', async () => {
  const server = createServer({ ...loadCertificates(SERVER).current(), handshakeTimeout: 50 });
  keepCertificates(server, loadCertificates(SERVER));
  const { address, port } = await bind(server, '127.0.0.1:0');
  const silent = await silentPeer({ address: `${address}:${port}` });
  await within(5_000, 'being disconnected', () => silent.closed);
  await new Promise((resolve) => server.close(resolve));
});

/** A connection over which nothing is ever said. */
async function silentPeer({ address }: Pick<Listener, 'address'>): Promise<{ readonly closed: Promise<unknown> }> {
  const [host = '', port = ''] = address.split(':');
  const socket = connectPlain(Number(port), host);
  const closed = new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
  await new Promise((resolve) => socket.once('connect', resolve));
  return { closed };
}

/** The name in the certificate that a new connection is shown. */
function subjectOf(listener: Listener): Promise<string | undefined> {
  const [host = '', port = ''] = listener.address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ca: readFileSync(pem('authority.pem')) }, () => {
      const subject = socket.getPeerCertificate().subject.CN;
      socket.destroy();
      resolve(String(subject));
    });
    socket.on('error', reject);
  });
}
