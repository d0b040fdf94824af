import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { type LoggedLine, type LoggerWorld, loggerCases } from '../../src/conformance/logger.ts';
import { runConformance } from '../../src/conformance/run.ts';
import { parseLogLevel } from '../../src/logger/log-level.ts';
import { type PinoLoggerOptions, pinoLogger } from '../../src/logger/pino-logger.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';

/** There are no named pipes of this kind there. */
const windows = process.platform === 'win32';

function memory() {
  let text = '';
  return {
    write(chunk: string) {
      text += chunk;
    },
    text: () => text,
    lines: () =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line): Record<string, unknown> => JSON.parse(line)),
  };
}

function read({ level, msg, time, ...fields }: Record<string, unknown>): LoggedLine {
  expect(new Date(String(time)).toISOString()).toBe(time);
  return { level: parseLogLevel(String(level)), message: String(msg), fields };
}

describe('pinoLogger conforms', () => {
  runConformance<LoggerWorld>({
    test,
    cases: loggerCases,
    world: () => {
      const destination = memory();
      return {
        create: ({ level }) => pinoLogger({ level, destination }),
        lines: () => destination.lines().map(read),
      };
    },
  });
});

describe('pinoLogger', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'micro-logger-'));
    folders.push(path);
    return path;
  }
  function fifo(): string {
    const path = join(folder(), 'fifo');
    execFileSync('mkfifo', [path]);
    return path;
  }

  test('a JSON line has level, time, fields and msg, in this order and once each', () => {
    const destination = memory();
    pinoLogger({ destination, fields: { service: 'a', level: 'x' } }).log('info', 'hello', { msg: 'y', service: 'b' });
    expect(destination.text()).toMatch(
      /^\{"level":"info","time":"\d{4}-\d\d-\d\dT[\d:.]{12}Z","service":"b","fields\.level":"x","fields\.msg":"y","msg":"hello"\}\n$/,
    );
  });

  test('a field that looks like an HTTP request is written as it is', () => {
    const destination = memory();
    const logger = pinoLogger({ destination });
    logger.log('info', 'x', { method: 'GET', headers: { a: 'b' }, socket: {}, setHeader: 1 });
    expect(destination.lines()[0]).toMatchObject({ method: 'GET', headers: { a: 'b' }, socket: {}, setHeader: 1 });
  });

  test('any message and any JSON fields come back from a line unchanged, but for what is called __proto__', () => {
    const names = fc.string().filter((name) => !['level', 'time', 'msg', '__proto__'].includes(name));
    const anything = fc.dictionary(
      names.filter((name) => name.toLowerCase() !== 'authorization'),
      // The copy that redacting makes of a value has no place for a name of `__proto__`: it drops it.
      fc.jsonValue().filter((value) => !JSON.stringify(value).includes('"__proto__"')),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), anything, (message, fields) => {
        const destination = memory();
        pinoLogger({ destination }).log('info', message, fields);
        const [line] = destination.lines();
        const { level, time, msg, ...rest } = line ?? {};
        expect(rest).toEqual(JSON.parse(JSON.stringify(fields)));
        expect(msg).toBe(JSON.parse(JSON.stringify(message)));
      }),
    );
  });

  test('credentials and the given paths are redacted, in a line and in the fields of a logger', () => {
    const destination = memory();
    const logger = pinoLogger({ destination, redact: ['password', '*.secret', 'user.card'] });
    logger
      .fields({ header: { Authorization: 'Bearer one' }, password: 'two' })
      .log('info', 'x', { authorization: 'three', account: { secret: 'four', id: 'a' }, user: { card: 'five' } });
    expect(destination.text()).not.toMatch(/one|two|three|four|five/);
    expect(destination.lines()[0]).toMatchObject({
      header: { Authorization: '[redacted]' },
      password: '[redacted]',
      account: { secret: '[redacted]', id: 'a' },
    });
  });

  test('redacting leaves the value that was logged alone', () => {
    const header = { Authorization: 'Bearer one' };
    pinoLogger({ destination: memory() }).log('info', 'x', { header });
    expect(header).toEqual({ Authorization: 'Bearer one' });
  });

  test('a line is in the file before log returns', () => {
    const path = join(folder(), 'log');
    const fd = openSync(path, 'w');
    try {
      pinoLogger({ destination: fd }).log('info', 'now');
      expect(readFileSync(path, 'utf8')).toMatch(/"msg":"now"\}\n$/);
    } finally {
      closeSync(fd);
    }
  });

  test.skipIf(windows)('a pipe that nobody reads any more swallows lines without an error', () => {
    const path = fifo();
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY);
    try {
      const logger = pinoLogger({ destination: writer });
      logger.log('info', 'read');
      closeSync(reader);
      for (let i = 0; i < 10; i++) logger.log('info', 'unread');
    } finally {
      closeSync(writer);
    }
  });

  test.skipIf(windows)(
    'a full non-blocking pipe neither blocks nor throws, and gets the rest when it is read',
    async () => {
      const path = fifo();
      const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      try {
        const logger = pinoLogger({ destination: writer });
        const before = performance.now();
        const count = 200;
        for (let i = 0; i < count; i++) logger.log('info', `${i} ${'x'.repeat(1000)}`);
        expect(performance.now() - before).toBeLessThan(1000);
        let text = '';
        const buffer = Buffer.alloc(65_536);
        const deadline = Date.now() + 5000;
        while (text.split('\n').length <= count && Date.now() < deadline) {
          try {
            text += buffer.toString('utf8', 0, readSync(reader, buffer));
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        }
        const numbers = text
          .split('\n')
          .slice(0, -1)
          .map((line) => Number.parseInt(JSON.parse(line).msg, 10));
        expect(numbers).toEqual(Array.from({ length: count }, (_, i) => i));
      } finally {
        closeSync(reader);
        closeSync(writer);
      }
    },
  );

  test('a full disk and a closed descriptor make logging throw no more than a good one', () => {
    if (existsSync('/dev/full')) {
      const full = openSync('/dev/full', 'w');
      pinoLogger({ destination: full }).log('info', 'x');
      closeSync(full);
    }
    pinoLogger({ destination: 99_999 }).log('info', 'x');
  });

  test('a destination that throws does not make logging throw', () => {
    const destination = {
      write() {
        throw new Error('broken');
      },
    };
    for (const format of ['json', 'pretty'] as const) pinoLogger({ destination, format }).log('info', 'x');
  });

  test('an unknown level is refused with the six there are', () => {
    expect(() => pinoLogger({ level: 'loud' as never })).toThrow(
      'unknown log level "loud": use one of trace, debug, info, warn, error, fatal',
    );
    expect(() => parseLogLevel('INFO')).toThrow('unknown log level "INFO"');
  });

  describe('written pretty', () => {
    function pretty(options: PinoLoggerOptions, use: (logger: ReturnType<typeof pinoLogger>) => void): string {
      const destination = memory();
      use(pinoLogger({ ...options, format: 'pretty', destination }));
      return destination.text();
    }

    test('a line names time, level, message and fields', () => {
      const text = pretty({}, (logger) => logger.log('warn', 'low', { free: 17 }));
      expect(text).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: low \{"free":17\}\n$/);
    });

    test('colours are used only when they are wanted', () => {
      const line = (colors: boolean) => pretty({ colors }, (logger) => logger.log('warn', 'low'));
      expect(line(false)).not.toContain('\u001b');
      expect(line(true)).toContain('\u001b');
    });

    test('the stack of an error is shown', () => {
      const text = pretty({}, (logger) => logger.log('error', 'failed', { error: new Error('why') }));
      expect(text).toContain('why');
      expect(text).toMatch(/\n +at /);
    });

    test('what is logged cannot steer the terminal', () => {
      fc.assert(
        fc.property(fc.string({ unit: 'binary' }), (value) => {
          const text = pretty({}, (logger) => logger.log('info', `\u001b[2J\u009b${value}`, { value }));
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
          expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
        }),
      );
    });
  });
});

test('a silent logger is enabled for nothing and takes everything', () => {
  const logger = silentLogger();
  expect(logger.enabled('fatal')).toBe(false);
  logger.fields({ a: 1 }).log('fatal', 'x');
  logger.logf('fatal', '%s', 'x');
});
