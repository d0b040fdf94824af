import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startEtcd, type TestServer } from '@micro/test-servers';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type GoServer, startGoServer } from '../src/go-server.ts';
import { need } from './real-servers.ts';

const binary = inject('goBinary');
const { skip, why } = need(binary, 'etcd');

/** The command line, as it is built. It finds the plugins of this package. */
const MICRO = join(createRequire(import.meta.url).resolve('@micro/cli/package.json'), '../dist/micro.js');
const FOLDER = join(import.meta.dirname, '..');
const ENDS_WITHIN_MS = 20_000;

const BEYOND = '9007199254740993';

describe.skipIf(skip)(`the command line and a Go service in etcd${why}`, () => {
  let etcd: TestServer;
  let server: GoServer;

  beforeAll(async () => {
    etcd = await startEtcd();
    server = await startGoServer({ binary, registry: 'etcd', registryAddress: etcd.address });
  });
  afterAll(async () => {
    await server.close();
    await etcd.close();
  });

  /** What it prints; rejects when it does not end with 0. */
  const micro = async (...args: string[]): Promise<string> => {
    const flags = ['--registry', 'etcd', '--registry_address', etcd.address];
    const options = { cwd: FOLDER, timeout: ENDS_WITHIN_MS };
    const { stdout } = await promisify(execFile)(process.execPath, [MICRO, ...args, ...flags], options);
    return stdout;
  };

  test('a unary call prints the answer as Go writes it, on one line', async () => {
    const answer = await micro('call', 'helloworld', 'Helloworld.Call', '{"name":"Jörg 世界"}');
    expect(answer).toBe('{"msg":"Hello Jörg 世界"}\n');
  });

  // What is zero Go leaves out, and of the messages of a stream its registry tells nothing that could bring it back.
  test('a stream of answers prints each of them as it came, in order, and ends', async () => {
    const answers = await micro('stream', 'server', 'helloworld', 'Helloworld.ServerStream', '{"count":3}');
    expect(answers).toBe('{}\n{"count":1}\n{"count":2}\n');
  });

  test('a stream of requests is half-closed, and its one answer has all digits', async () => {
    const strokes = [`{"stroke":${BEYOND}}`, '{"stroke":1}'];
    const answer = await micro('stream', 'client', 'helloworld', 'Helloworld.ClientStream', ...strokes);
    expect(answer).toBe('{"count":9007199254740994}\n');
  });

  test('a stream in both directions prints every stroke with all digits, in order, and ends', async () => {
    const strokes = [`{"stroke":${BEYOND}}`, '{"stroke":1}', `{"stroke":-${BEYOND}}`];
    const answers = await micro('stream', 'bidi', 'helloworld', 'Helloworld.BidiStream', ...strokes);
    expect(answers.trim().split('\n')).toEqual(strokes);
  });

  test('integers beyond 2^53 pass a unary call in both directions, of Go structs and of protobuf messages', async () => {
    const struct = `{"signed":-${BEYOND},"unsigned":18446744073709551615}`;
    expect(await micro('call', 'helloworld', 'Plain.Int64', struct)).toBe(`${struct}\n`);
    const message = `{"count":${BEYOND}}`;
    expect(await micro('call', 'helloworld', 'Plain.Int64Proto', message)).toBe(`${message}\n`);
  });

  test('describe prints the document that go-micro prints: its fields in their order, null where Go has nil', async () => {
    const text = await micro('describe', 'service', 'helloworld', '-o', 'json');
    const { endpoints, ...rest } = JSON.parse(text) as { endpoints: { name: string }[] };
    const metadata = { broker: 'memory', protocol: 'mucp', registry: 'etcd', server: 'mucp', transport: 'http' };
    const nodes = [{ id: server.id, address: server.address, metadata }];
    expect(JSON.stringify(rest)).toBe(JSON.stringify({ name: 'helloworld', version: 'latest', metadata: null, nodes }));
    const shown = (name: string) => JSON.stringify(endpoints.find((endpoint) => endpoint.name === name));
    const message = (name: string, field: string) => ({
      name,
      type: name,
      values: [{ name: field, type: 'string', values: null }],
    });
    expect(shown('Helloworld.Call')).toBe(
      JSON.stringify({
        name: 'Helloworld.Call',
        request: message('CallRequest', 'name'),
        response: message('CallResponse', 'msg'),
        metadata: {},
      }),
    );
    // go-micro takes the parameters of a handler of streams for its messages.
    expect(shown('Helloworld.BidiStream')).toBe(
      JSON.stringify({
        name: 'Helloworld.BidiStream',
        request: { name: 'Context', type: 'Context', values: null },
        response: { name: 'Stream', type: 'Stream', values: null },
        metadata: { stream: 'true' },
      }),
    );
  });
});
