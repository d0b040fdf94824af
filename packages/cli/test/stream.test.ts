import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runHere, runMicro, startHelloworld, startMicro, type TestService } from './support.ts';

let hello: TestService;
beforeAll(async () => {
  hello = await startHelloworld();
});
afterAll(() => hello.service.stop());

const stream = (args: string[], input = '') => runHere(['stream', ...args], { ...hello, input });
const ok = (stdout: string) => ({ stdout, stderr: '', code: 0 });
const STROKES = ['{"stroke":1}', '{"stroke":2}', '{"stroke":3}'];
const ECHOES = '{"stroke":1}\n{"stroke":2}\n{"stroke":3}\n';

describe('a server stream', () => {
  test('is printed to the letter with --raw, as protobuf writes it', async () => {
    expect(await stream(['server', 'helloworld', 'Helloworld.ServerStream', '{"count":2}', '--raw'])).toEqual(
      ok('{}\n{"count":"1"}\n'),
    );
  });

  test('is a line for each answer, whatever they are worth', async () => {
    const { stdout, stderr, code } = await stream(['server', 'helloworld', 'Echo.Forever', '--limit', '3']);
    expect({ stdout, stderr, code }).toEqual(ok('{"tick":0}\n{"tick":1}\n{"tick":2}\n'));
    expect(await stream(['s', 'helloworld', 'Helloworld.ServerStream', '{"count":3}'])).toEqual(
      ok('{"count":0}\n{"count":1}\n{"count":2}\n'),
    );
  });

  test('that was left early has ended at the server', async () => {
    await expect.poll(() => hello.cancelled, { timeout: 60_000 }).toContain('Echo.Forever');
  });

  test('as JSON is one array, also when it is left early', async () => {
    const { stdout } = await stream(['server', 'helloworld', 'Echo.Forever', '--limit', '2', '-o', 'json']);
    expect(JSON.parse(stdout)).toEqual([{ tick: 0 }, { tick: 1 }]);
  });

  test('is cancelled by Ctrl-C, which ends in the middle of no line', async () => {
    const before = hello.cancelled.length;
    const running = startMicro(['stream', 'server', 'helloworld', 'Echo.Forever'], hello);
    await running.printed('{"tick":3}');
    const { stdout, stderr, code } = await running.ended('SIGINT');
    expect({ stderr, code, end: stdout.slice(-2) }).toEqual({ stderr: '', code: 130, end: '}\n' });
    await expect.poll(() => hello.cancelled.length, { timeout: 60_000 }).toBeGreaterThan(before);
  });
});

describe('a client stream', () => {
  test('sends its arguments, or lines of stdin, or both, and prints the one answer', async () => {
    const args = ['client', 'helloworld', 'Helloworld.ClientStream'];
    expect(await stream([...args, ...STROKES])).toEqual(ok('{"count":6}\n'));
    expect(await stream(args, `${STROKES.join('\r\n\n')}\n`)).toEqual(ok('{"count":6}\n'));
    expect(await stream([...args, '{"stroke":4}', '-'], STROKES.join('\n'))).toEqual(ok('{"count":10}\n'));
    expect(await stream(args)).toEqual(ok('{"count":0}\n'));
  });

  test('without an answer ends with 75 once there is nothing more to send', async () => {
    const { stdout, stderr, code } = await stream(['client', 'helloworld', 'Echo.Swallow', '{}', '--timeout', '1s']);
    expect({ stdout, code }).toEqual({ stdout: '', code: 75 });
    expect(stderr).toContain('Echo.Swallow: no message for 1000 ms');
    await expect.poll(() => hello.cancelled, { timeout: 60_000 }).toContain('Echo.Swallow');
  });
});

describe('a stream in both directions', () => {
  const bidi = ['bidi', 'helloworld', 'Helloworld.BidiStream'];

  test('prints what comes back, until the server has ended it', async () => {
    expect(await stream([...bidi, ...STROKES])).toEqual(ok(ECHOES));
    expect(await stream([...bidi, ...STROKES, '--lockstep'])).toEqual(ok(ECHOES));
    expect(await stream(bidi, STROKES.join('\n'))).toEqual(ok(ECHOES));
  });

  test('answers a line before the next one is written', async () => {
    const running = startMicro(['stream', ...bidi], hello);
    for (const stroke of [1, 2, 3]) {
      running.child.stdin.write(`{"stroke":${stroke}}\n`);
      await running.printed(`{"stroke":${stroke}}`);
    }
    running.child.stdin.end();
    expect(await running.ended()).toEqual(ok(ECHOES));
  });

  test('with a bad line says which one it is, and has answered those before it', async () => {
    const { stderr, code } = await stream(bidi, '{"stroke":1}\n\n{"stroke":}\n');
    expect(code).toBe(2);
    expect(stderr).toBe('error: line 3 of stdin is no JSON object: at position 10 "}" instead of a value\n');
    const argument = await stream([...bidi, '{}', '[]']);
    expect(argument).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('message 2 has to be') });
  });

  test('that nobody answers ends with 75 after --timeout', async () => {
    const running = startMicro(['stream', ...bidi, '--timeout', '1s'], hello);
    expect(await running.ended()).toMatchObject({
      code: 75,
      stderr: expect.stringContaining('Helloworld.BidiStream: no message for 1000 ms'),
    });
  });

  test('that the server breaks off ends with its error', async () => {
    const { stderr, code } = await stream([...bidi], '{"stroke":"x"}');
    expect(code).toBe(1);
    expect(stderr).toMatch(/stroke.*\(400\)/);
  });

  test('carries 10,000 lines without holding them', async () => {
    const lines = Array.from({ length: 10_000 }, (_, n) => `{"n":${n},"text":"${'x'.repeat(1_000)}"}\n`);
    const running = startMicro(['stream', 'bidi', 'helloworld', 'Echo.Talk'], {
      ...hello,
      // 10 MB go both ways: a heap that held them would be full.
      env: { ...hello.env, NODE_OPTIONS: '--max-old-space-size=32' },
    });
    running.child.stdin.end(lines.join(''));
    const { stdout, stderr, code } = await running.ended();
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout === lines.join('')).toBe(true);
  });
});

test('an endpoint with one answer is no stream', async () => {
  expect(await runMicro(['stream', 'server', 'helloworld', 'Helloworld.Call'], hello)).toEqual({
    stdout: '',
    stderr: 'error: Helloworld.Call is no stream: use micro call (400)\n',
    code: 1,
  });
});

test('a stream of another kind is not opened', async () => {
  expect(await stream(['client', 'helloworld', 'Helloworld.BidiStream', '{}'])).toMatchObject({
    stdout: '',
    stderr: 'error: Helloworld.BidiStream is a stream in both directions: use micro stream bidi (400)\n',
    code: 1,
  });
});
