import { execFileSync } from 'node:child_process';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@micro/core/conformance';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rawJsonCodec } from '../src/session/raw-json-codec.ts';
import { runHere, runMicro, startHelloworld, startMicro, type TestService } from './support.ts';

let hello: TestService;
let folder: string;
beforeAll(async () => {
  hello = await startHelloworld();
  folder = await mkdtemp(join(tmpdir(), 'micro call '));
});
afterAll(async () => {
  await hello.service.stop();
  await rm(folder, { recursive: true });
});

const JOHN = { stdout: '{"msg":"Hello John"}\n', stderr: '', code: 0 };
const call = (...args: string[]) => runHere(['call', 'helloworld', ...args], hello);

test('the answer of a call is one line of JSON on stdout, and nothing else is', async () => {
  expect(await runMicro(['call', 'helloworld', 'Helloworld.Call', '{"name":"John"}'], hello)).toEqual(JOHN);
});

describe('a request', () => {
  test('is what --data says, the words behind the endpoint, a file, or stdin', async () => {
    await writeFile(join(folder, 'john.json'), '\ufeff{ "name": "John" }\n');
    const from = (args: string[], input = '') =>
      runHere(['call', 'helloworld', 'Helloworld.Call', ...args], { ...hello, cwd: folder, input });
    expect(await from(['-d', '{"name":"John"}'])).toEqual(JOHN);
    expect(await from(['{"name":', '"John"}'])).toEqual(JOHN);
    expect(await from(['@john.json'])).toEqual(JOHN);
    expect(await from(['--data=@john.json'])).toEqual(JOHN);
    expect(await from(['-d', '-'], '{"name":"John"}')).toEqual(JOHN);
    expect(await from(['-'], '{"name":"John"}')).toEqual(JOHN);
    expect(await from([])).toMatchObject({ stdout: '{"msg":"Hello "}\n', code: 0 });
  });

  test.each([
    ['{"name":"John"} {}', 'at position 16 "{}" instead of the end'],
    ['{"name":}', 'at position 8 "}" instead of a value'],
    ['{"name":"Jo', 'at position 8 "\\"Jo" instead of a value'],
    ['{"name"', 'at position 7 it ends instead of :'],
    ['[{"name":"John"}]', 'has to be a JSON object'],
    ['9007199254740993', 'has to be a JSON object'],
    ['null', 'has to be a JSON object'],
    ['-d {} {}', 'given twice'],
    ['@missing.json', 'the file "missing.json" cannot be read'],
    ['@.', 'the file "." cannot be read'],
  ])('that is %s is a usage error: %s', async (text, said) => {
    const args = text.startsWith('-d ') ? text.split(' ') : [text];
    const { stdout, stderr, code } = await call('Echo.Say', ...args);
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
    expect(stderr).toContain(said);
  });

  test('from stdin is no larger than a message can be, and is UTF-8', async () => {
    const large = await runHere(['call', 'a', 'A.B', '-'], { input: Buffer.alloc(16 * 1024 * 1024 + 1, 0x20) });
    expect(large).toMatchObject({ code: 2, stderr: 'error: stdin is larger than 16777216 bytes\n' });
    const binary = await runHere(['call', 'a', 'A.B', '-'], { input: Buffer.from([0x7b, 0xff, 0x7d]) });
    expect(binary).toMatchObject({ code: 2, stderr: 'error: stdin is not UTF-8\n' });
  });
});

test('a request is waited for at the end of a pipe, until Ctrl-C', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const line = ['call', 'helloworld', 'Helloworld.Call', '-d', `@${pipe}`];
  const answered = runHere(line, hello);
  await writeFile(pipe, '{"name":"John"}');
  expect(await answered).toEqual(JOHN);
  const waiting = startMicro(line, hello);
  // Opens when the other end is open.
  const writer = await open(pipe, 'w');
  expect((await waiting.ended('SIGINT')).code).toBe(130);
  await writer.close();
});

test('no digit of an integer is lost on its way there, nor on its way back', async () => {
  // A service that itself passes JSON on as it is written.
  const raw = await startHelloworld({ env: hello.env, name: 'raw', codecs: [rawJsonCodec()] });
  try {
    const text = '{"id":9007199254740993,"price":1.10,"deep":[{"n":-9223372036854775808}]}';
    expect(await runMicro(['call', 'raw', 'Echo.Say', text], raw)).toEqual({
      stdout: `${text}\n`,
      stderr: '',
      code: 0,
    });
    expect((await runHere(['call', 'raw', 'Echo.Say', text, '-o', 'yaml'], raw)).stdout).toContain(
      'id: 9007199254740993',
    );
    // In protobuf's JSON an int64 is a text; it may be given as a number.
    const typed = ['stream', 'client', 'helloworld', 'Helloworld.ClientStream', '{"stroke":9007199254740993}'];
    expect((await runHere(typed, hello)).stdout).toBe('{"count":9007199254740993}\n');
  } finally {
    await raw.service.stop();
  }
});

test('an answer over several lines is printed on one, and with --pretty over several', async () => {
  const pretty = '{\n  "a": [\n    1\n  ],\n  "b": {}\n}';
  const codec = { ...rawJsonCodec(), encode: () => Buffer.from(pretty) };
  const chatty = await startHelloworld({ env: hello.env, name: 'chatty', codecs: [codec] });
  try {
    expect((await runHere(['call', 'chatty', 'Echo.Say'], hello)).stdout).toBe('{"a":[1],"b":{}}\n');
    expect((await runHere(['call', 'chatty', 'Echo.Say', '--pretty'], hello)).stdout).toBe(`${pretty}\n`);
  } finally {
    await chatty.service.stop();
  }
});

test.each(['{"msg":', '<html>', 'null null', '{"a":1}\u0000'])('an answer that is %j is an error', async (garbage) => {
  const codec = { ...rawJsonCodec(), encode: () => Buffer.from(garbage) };
  const broken = await startHelloworld({ env: hello.env, name: 'broken', codecs: [codec] });
  try {
    const { stdout, stderr, code } = await runHere(['call', 'broken', 'Echo.Say'], hello);
    expect({ stdout, code }).toEqual({ stdout: '', code: 1 });
    expect(stderr).toContain('is no JSON');
    const stream = await runHere(['stream', 'server', 'broken', 'Echo.Forever'], hello);
    expect(stream).toMatchObject({ stdout: '', code: 1 });
    expect(stream.stderr).toContain('is no JSON');
  } finally {
    await broken.service.stop();
  }
});

describe('a name that is not there', () => {
  test('of an endpoint is answered with the one that was meant, before anything is called', async () => {
    expect(await call('Helloworld.Cal')).toMatchObject({
      code: 1,
      stderr: 'error: unknown endpoint Helloworld.Cal: did you mean Helloworld.Call? (404)\n',
    });
    expect((await call('Echo.Completely')).stderr).toContain(
      'unknown endpoint Echo.Completely: helloworld has Echo.Fail, Echo.Forever',
    );
  });

  test('of a service is answered with the one that was meant, and exit code 69', () =>
    // By mDNS the names of services may come too late on a machine that is busy.
    eventually(
      async () =>
        expect(await runMicro(['call', 'heloworld', 'Helloworld.Call'], hello)).toMatchObject({
          code: 69,
          stderr: 'error: service heloworld: not found in mdns: did you mean helloworld? (404)\n',
        }),
      { timeoutMs: 60_000 },
    ));

  test('of a stream is not called as if it had one answer', async () => {
    expect(await call('Helloworld.ClientStream')).toMatchObject({
      code: 1,
      stderr: 'error: Helloworld.ClientStream is a stream of requests: use micro stream client (400)\n',
    });
  });

  test('may be that of an endpoint which is served and not listed', async () => {
    expect(await call('Debug.Health')).toMatchObject({ code: 0, stdout: '{"status":"ok"}\n' });
  });
});

describe('headers', () => {
  test('go with the request', async () => {
    const { stdout } = await call('Echo.Headers', '-H', 'X-Tenant: a:b ', '--header', 'trace-id:7');
    expect(JSON.parse(stdout)).toEqual({ 'X-Tenant': 'a:b', 'Trace-Id': '7' });
  });

  test.each([
    ['x: a\r\nMicro-Endpoint: Echo.Fail', 'line breaks'],
    ['x\r\ny: a', 'is no header name'],
    ['Micro-Endpoint: Echo.Fail', 'belongs to the protocol'],
    ['content-type: text/plain', 'belongs to the protocol'],
    ['Timeout: 1', 'belongs to the protocol'],
    ['no colon', 'write name:value'],
    [': a', 'write name:value'],
  ])('such as %j are refused', async (header, said) => {
    const { stdout, stderr, code } = await call('Echo.Headers', '-H', header);
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 });
    expect(stderr).toContain(said);
  });

  test('that are given twice are refused', async () => {
    expect(await call('Echo.Headers', '-H', 'a: 1', '-H', 'A: 2')).toMatchObject({ code: 2, stdout: '' });
  });
});

test('with --include the fields of the answer stand above it, and beside it as data', async () => {
  const { stdout, code } = await call('Helloworld.Call', '{"name":"John"}', '--include');
  expect({ code, lines: stdout.split('\n') }).toMatchObject({
    code: 0,
    lines: expect.arrayContaining(['Content-Type: application/json']),
  });
  expect(stdout.endsWith('\n\n{"msg":"Hello John"}\n')).toBe(true);
  const pretty = await call('Helloworld.Call', '{"name":"John"}', '--include', '--pretty');
  expect(pretty.stdout).toMatch(/\n\n{\n {2}"msg": "Hello John"\n}\n$/);
  const data = await call('Helloworld.Call', '{"name":"John"}', '--include', '-o', 'json');
  expect(JSON.parse(data.stdout)).toMatchObject({
    header: { 'Content-Type': 'application/json' },
    body: { msg: 'Hello John' },
  });
});

test('an address is called without asking any registry', async () => {
  const args = ['call', 'helloworld', 'Helloworld.Call', '{"name":"John"}', '--address', hello.address];
  expect(await runMicro(args, { env: { MICRO_REGISTRY: 'etcd', MICRO_REGISTRY_ADDRESS: '127.0.0.1:1' } })).toEqual(
    JOHN,
  );
  expect(await runHere([...args, '--content-type', 'application/grpc+json'])).toEqual(JOHN);
  const nobody = await runHere(['call', 'helloworld', 'Helloworld.Call', '--address', '127.0.0.1:1']);
  expect(nobody).toMatchObject({ code: 69, stdout: '' });
});

describe('an error', () => {
  test('of the service is on stderr, as JSON where data is JSON', async () => {
    const fail = ['Echo.Fail', '{"code":409,"detail":"taken"}'];
    expect(await call(...fail)).toEqual({ stdout: '', stderr: 'error: helloworld: taken (409)\n', code: 1 });
    expect(await call(...fail, '-o', 'json')).toEqual({
      stdout: '',
      stderr: '{"id":"helloworld","code":409,"detail":"taken","status":"Conflict"}\n',
      code: 1,
    });
    // A 404 of the service itself is an answer, not a service that is not there.
    expect((await call('Echo.Fail', '{"code":404,"detail":"no such order"}')).code).toBe(1);
  });

  test('of the command line is JSON too, whoever finds it', async () => {
    for (const args of [
      ['call', '-o', 'json'],
      ['call', 'a', 'b', '[]', '-o', 'json'],
      ['-o', 'json', 'call', '--nope'],
    ]) {
      const { stderr, code } = await runHere(args);
      expect({ code, error: JSON.parse(stderr) }).toMatchObject({ code: 2, error: { id: 'micro', code: 400 } });
    }
  });

  test('for time that ran out ends with 75, and says where it went', async () => {
    const { stderr, code } = await call('Echo.Hang', '--timeout', '200ms');
    expect({ code, stderr }).toEqual({ code: 75, stderr: expect.stringMatching(/took \d+ ms of 200 ms/) });
    expect(await call('Echo.Hang', '--client_request_timeout', '150ms')).toMatchObject({ code: 75 });
    expect(await call('Echo.Hang', '--timeout', 'soon')).toMatchObject({ code: 2 });
  });

  test('for a driver that is not installed ends with 78 and says what to install', async () => {
    const { stderr, code } = await runMicro(['call', 'a', 'A.B', '--registry', 'consul']);
    expect({ code, stderr }).toEqual({
      code: 78,
      stderr: expect.stringContaining('npm install @micro/registry-consul'),
    });
  });

  test('for a registry that is away ends with 69', async () => {
    const env = { MICRO_REGISTRY: 'etcd', MICRO_REGISTRY_ADDRESS: '127.0.0.1:1' };
    expect(await runHere(['call', 'a', 'A.B'], { env })).toMatchObject({ code: 69, stdout: '' });
  });
});

test('Ctrl-C cancels the call at the server, prints nothing half and ends with 130', async () => {
  const before = hello.cancelled.length;
  const running = startMicro(['call', 'helloworld', 'Echo.Hang', '--timeout', '0'], hello);
  await hello.called('Echo.Hang');
  expect(await running.ended('SIGINT')).toEqual({ stdout: '', stderr: '', code: 130 });
  await expect.poll(() => hello.cancelled.slice(before), { timeout: 60_000 }).toEqual(['Echo.Hang']);
});

test('a stdout that nobody reads ends the command quietly', async () => {
  const running = startMicro(['stream', 'server', 'helloworld', 'Echo.Forever'], hello);
  await running.printed('{"tick":3}');
  running.child.stdout.destroy();
  expect(await running.ended()).toMatchObject({ stderr: '', code: 0 });
});
