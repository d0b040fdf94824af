import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { within } from '../../src/conformance/eventually.ts';
import { type LoggedLine, type LoggerWorld, loggerCases } from '../../src/conformance/logger.ts';
import { runConformance } from '../../src/conformance/run.ts';
import { fieldTexts } from '../../src/debug/log-metadata.ts';
import { logRing } from '../../src/debug/log-ring.ts';
import { LOG_LEVELS } from '../../src/logger/log-level.ts';
import { pinoLogger } from '../../src/logger/pino-logger.ts';

const ALL = { count: 0, since: 0 };
const quiet = (level: 'debug' | 'info' = 'info') => pinoLogger({ level, destination: { write() {} } });

describe('a kept logger conforms', () => {
  runConformance<LoggerWorld>({
    test,
    cases: loggerCases,
    world: () => {
      const lines: LoggedLine[] = [];
      const write = (line: string): void => {
        const { level, msg, time: _time, ...fields } = JSON.parse(line);
        lines.push({ level, message: msg, fields });
      };
      return {
        create: ({ level }) => logRing(10).keep(pinoLogger({ level, destination: { write } })),
        lines: () => lines,
      };
    },
  });
});

test('what is logged is still written where it was, and kept only when it was written', () => {
  const written: string[] = [];
  const ring = logRing(10);
  const logger = ring.keep(pinoLogger({ level: 'info', destination: { write: (line) => written.push(line) } }));
  expect(logger.name).toBe('pino');
  expect(logger.enabled('debug')).toBe(false);
  logger.log('debug', 'not this');
  logger.fields({ service: 'a' }).fields({ part: 'b' }).log('warn', 'this', { n: 1 });
  logger.logf('info', '%s is %d', 'x', 7);
  expect(written).toHaveLength(2);
  expect(ring.read(ALL)).toEqual([
    {
      timestamp: expect.any(Number),
      metadata: { level: 'warn', service: 'a', part: 'b', n: '1' },
      message: 'this',
    },
    { timestamp: expect.any(Number), metadata: { level: 'info' }, message: 'x is 7' },
  ]);
});

test('who follows gets what was and what comes, misses the oldest when slow, and ends with the signal', async () => {
  const ring = logRing(3);
  const logger = ring.keep(quiet());
  const controller = new AbortController();
  logger.log('info', '0');
  const following = ring.follow(ALL, controller.signal)[Symbol.asyncIterator]();
  const next = async () => (await within('a line', following.next(), 10_000)).value?.message;
  expect(await next()).toBe('0');
  const waiting = next();
  logger.log('info', '1');
  expect(await waiting).toBe('1');
  for (let n = 2; n < 10; n++) logger.log('info', String(n));
  expect([await next(), await next(), await next()]).toEqual(['7', '8', '9']);
  const last = next();
  controller.abort();
  expect(await last).toBeUndefined();
});

test('who follows is ended with the ring, and so is who comes afterwards, until it begins again', async () => {
  const ring = logRing(3);
  const logger = ring.keep(quiet());
  const { signal } = new AbortController();
  const following = ring.follow(ALL, signal)[Symbol.asyncIterator]();
  const waiting = following.next();
  ring.end();
  expect((await within('the end', waiting, 10_000)).done).toBe(true);
  logger.log('info', 'last words');
  const late = ring.follow(ALL, signal)[Symbol.asyncIterator]();
  expect((await late.next()).value?.message).toBe('last words');
  expect((await within('the end', late.next(), 10_000)).done).toBe(true);
  ring.begin();
  const again = ring.follow({ count: 1, since: 0 }, signal)[Symbol.asyncIterator]();
  await again.next();
  const more = again.next();
  logger.log('info', 'more');
  expect((await within('a line', more, 10_000)).value?.message).toBe('more');
  await again.return?.();
});

test('a message is kept up to a limit', () => {
  const ring = logRing(1);
  ring.keep(quiet()).log('info', 'x'.repeat(100_000));
  expect(ring.read(ALL)[0]?.message.length).toBeLessThan(10_000);
});

describe('fields become text', () => {
  test('without what sounds like a secret, at any depth', () => {
    const texts = fieldTexts({
      authorization: 'Bearer x',
      Cookie: 'a=b',
      dbPassword: 'x',
      client_secret: 'x',
      accessToken: 'x',
      'api-key': 'x',
      privateKey: 'x',
      headers: { Authorization: 'Bearer x', accept: 'json', deep: [{ token: 'x', n: 1 }] },
    });
    expect(JSON.stringify(texts)).not.toContain('Bearer');
    expect(JSON.stringify(texts)).not.toContain('"x"');
    expect(texts.headers).toBe('{"Authorization":"[redacted]","accept":"json","deep":[{"token":"[redacted]","n":1}]}');
  });

  test('whatever they are, within limits', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const texts = fieldTexts({
      circle,
      big: 10n,
      bytes: new Uint8Array(1_000_000),
      error: new TypeError('odd'),
      nothing: undefined,
      date: new Date(0),
      long: 'x'.repeat(10_000),
      get bad() {
        throw new Error('no');
      },
      worse: {
        toJSON() {
          throw new Error('no');
        },
      },
    });
    expect(texts.big).toBe('10');
    expect(texts.bytes).toBe('"[1000000 bytes]"');
    expect(texts.error).toBe('TypeError: odd');
    expect(texts.nothing).toBe('undefined');
    expect(texts.date).toBe('"1970-01-01T00:00:00.000Z"');
    expect(texts.bad).toBe('[unreadable]');
    expect(texts.long?.length).toBeLessThan(2_000);
    const many = fieldTexts(Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`f${n}`, n])));
    expect(Object.keys(many).length).toBeLessThan(100);
    expect(Object.entries(fieldTexts(JSON.parse('{"__proto__":"x"}')))).toEqual([['__proto__', 'x']]);
  });

  test('and never throw', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.anything({ withBigInt: true, withDate: true, withMap: true })),
        (fields) => {
          for (const text of Object.values(fieldTexts(fields))) expect(typeof text).toBe('string');
        },
      ),
    );
  });
});

test('the levels that a ring knows are those of the logger', () => {
  const ring = logRing(10);
  const logger = ring.keep(pinoLogger({ level: 'trace', destination: { write() {} } }));
  for (const level of LOG_LEVELS) logger.log(level, level);
  expect(ring.read(ALL).map(({ metadata }) => metadata.level)).toEqual(LOG_LEVELS);
});
