import assert from 'node:assert/strict';
import type { LogFields, Logger, LogLevel } from '../contract/logger.ts';

/** A line as the world of a logger reads it back. */
export interface LoggedLine {
  readonly level: LogLevel;
  readonly message: string;
  /** What the line has besides level, time and message, as it was written: an error as an object, for instance. */
  readonly fields: LogFields;
}

/** One private place that loggers write to. */
export interface LoggerWorld {
  create(options: { readonly level: LogLevel }): Logger;
  /** Every line that was written so far, in order. */
  lines(): readonly LoggedLine[] | Promise<readonly LoggedLine[]>;
}

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** What every logger has to do. */
export const loggerCases: Readonly<Record<string, (world: LoggerWorld) => Promise<void>>> = {
  'a line has its level, its message and its fields': async (world) => {
    world.create({ level: 'info' }).log('warn', 'low on memory', { free: 17, host: 'a' });
    assert.deepEqual(plain(await world.lines()), [
      { level: 'warn', message: 'low on memory', fields: { free: 17, host: 'a' } },
    ]);
  },

  'a level is enabled from the chosen one upwards, and only enabled levels are written': async (world) => {
    const expected: string[] = [];
    for (const [index, level] of LEVELS.entries()) {
      const logger = world.create({ level });
      for (const [other, at] of LEVELS.entries()) {
        assert.equal(logger.enabled(at), other >= index, `${at} at level ${level}`);
        logger.log(at, `${at} at ${level}`);
        logger.logf(at, '%s at %s', at, level);
        if (other >= index) expected.push(`${at} at ${level}`, `${at} at ${level}`);
      }
    }
    assert.deepEqual(
      (await world.lines()).map((line) => line.message),
      expected,
    );
  },

  'fatal ends nothing': async (world) => {
    const logger = world.create({ level: 'info' });
    logger.log('fatal', 'the first');
    logger.log('fatal', 'the second');
    assert.equal((await world.lines()).length, 2);
  },

  'logf fills in placeholders, and appends what has none': async (world) => {
    const logger = world.create({ level: 'info' });
    logger.logf('info', '%s has %d nodes: %j', 'greeter', 2, { a: 1 });
    logger.logf('info', 'lost', 'a node');
    assert.deepEqual(
      (await world.lines()).map((line) => line.message),
      ['greeter has 2 nodes: {"a":1}', 'lost a node'],
    );
  },

  'a message is written as it is, placeholders and line breaks included': async (world) => {
    const message = '100%s sure %d%% "quoted" \\ back\nsecond line é 世 \u0000';
    world.create({ level: 'info' }).log('info', message, { a: 1 });
    world.create({ level: 'info' }).log('info', message);
    const lines = await world.lines();
    assert.deepEqual(
      lines.map((line) => line.message),
      [message, message],
    );
  },

  'fields of a logger stand in each of its lines, and its parent has none of them': async (world) => {
    const parent = world.create({ level: 'info' });
    const child = parent.fields({ service: 'greeter' });
    const grandchild = child.fields({ node: 'greeter-1' });
    parent.log('info', 'parent');
    child.log('info', 'child', { a: 1 });
    grandchild.logf('info', '%s', 'grandchild');
    assert.deepEqual(
      plain(await world.lines()).map((line) => line.fields),
      [{}, { service: 'greeter', a: 1 }, { service: 'greeter', node: 'greeter-1' }],
    );
  },

  'the nearer field wins: the line over its logger, the logger over its parent': async (world) => {
    const logger = world.create({ level: 'info' }).fields({ a: 'parent', b: 'parent', c: 'parent' });
    logger.fields({ b: 'child', c: 'child' }).log('info', 'x', { c: 'line' });
    assert.deepEqual(plain(await world.lines())[0]?.fields, { a: 'parent', b: 'child', c: 'line' });
  },

  'a field cannot pass for the level, the time or the message of its line': async (world) => {
    const logger = world.create({ level: 'info' }).fields({ level: 'fatal' });
    logger.log('info', 'the message', { level: 'error', time: 0, msg: 'forged', message: 'forged' });
    const [line] = await world.lines();
    assert.equal(line?.level, 'info');
    assert.equal(line?.message, 'the message');
  },

  'nothing that is logged makes logging throw': async (world) => {
    const logger = world.create({ level: 'info' });
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const odd: readonly unknown[] = [
      cycle,
      10n,
      Symbol('s'),
      () => 1,
      Number.NaN,
      null,
      undefined,
      new Date(Number.NaN),
      new Map([[1, 2]]),
      Object.create(null),
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('no');
          },
          ownKeys: () => {
            throw new Error('no');
          },
        },
      ),
      {
        toJSON() {
          throw new Error('no');
        },
      },
      {
        get trap(): never {
          throw new Error('no');
        },
      },
    ];
    for (const value of odd) {
      logger.log('info', 'odd', { value });
      logger.logf('info', '%s %d %j', value, value, value);
      logger.fields({ value }).log('info', 'odd');
    }
    logger.log('info', 'odd', {
      get trap(): never {
        throw new Error('no');
      },
    });
    logger.log('info', 'last');
    const lines = await world.lines();
    assert.equal(lines.filter((line) => line.message === 'odd').length, odd.length * 2 + 1);
    assert.equal(lines.at(-1)?.message, 'last');
  },

  'names that mean something to JavaScript are names like any other': async (world) => {
    const foreign: LogFields = JSON.parse('{"__proto__":"a","constructor":"b","hasOwnProperty":"c","toString":"d"}');
    const logger = world.create({ level: 'info' });
    logger.log('info', 'x', foreign);
    logger.fields(foreign).log('info', 'y');
    for (const line of await world.lines()) {
      assert.equal(line.fields.constructor, 'b');
      assert.equal(line.fields.toString, 'd');
    }
    assert.equal(({} as Record<string, unknown>).a, undefined);
  },

  'an error in a field is written with its message and its stack': async (world) => {
    const error = new TypeError('no such thing');
    world.create({ level: 'info' }).log('error', 'failed', { error });
    const text = JSON.stringify((await world.lines())[0]?.fields.error);
    assert.match(text, /no such thing/);
    assert.match(text, /TypeError/);
    assert.match(text, /at /);
  },
};

/** Without prototypes and what is not JSON, to compare. */
function plain(lines: readonly LoggedLine[]): readonly LoggedLine[] {
  return JSON.parse(JSON.stringify(lines));
}
