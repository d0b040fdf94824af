import { MicroError } from '@micro/core';
import { describe, expect, test } from 'vitest';
import { addressText, parseAddresses } from '../src/redis-address.ts';
import { errorsOf } from '../src/redis-error.ts';

const parse = (given: string | readonly string[]) => parseAddresses(given, errorsOf('test'));

describe('an address of redis', () => {
  test.each([
    ['redis://localhost', { scheme: 'redis', host: 'localhost', port: 6379 }],
    ['redis://', { scheme: 'redis', host: '127.0.0.1', port: 6379 }],
    ['redis://h:1/', { scheme: 'redis', host: 'h', port: 1 }],
    ['rediss://h:1/15', { scheme: 'rediss', host: 'h', port: 1, database: 15 }],
    ['redis://u:p%40s%2Fs@h', { scheme: 'redis', host: 'h', port: 6379, username: 'u', password: 'p@s/s' }],
    ['redis://:secret@h', { scheme: 'redis', host: 'h', port: 6379, password: 'secret' }],
    ['redis://[::1]:7', { scheme: 'redis', host: '::1', port: 7 }],
    ['127.0.0.1:7000', { scheme: 'redis', host: '127.0.0.1', port: 7000 }],
    ['cache.internal', { scheme: 'redis', host: 'cache.internal', port: 6379 }],
    ['[fe80::1]:7', { scheme: 'redis', host: 'fe80::1', port: 7 }],
    ['unix:///run/redis.sock', { scheme: 'unix', host: '', port: 0, path: '/run/redis.sock' }],
    ['unix:///a%20b?db=3', { scheme: 'unix', host: '', port: 0, path: '/a b', database: 3 }],
    [
      'redis+sentinel://u:p@h/mymaster/2',
      {
        scheme: 'redis+sentinel',
        host: 'h',
        port: 26379,
        username: 'u',
        password: 'p',
        master: 'mymaster',
        database: 2,
      },
    ],
    ['rediss+sentinel://h:1/my%2Fmaster', { scheme: 'rediss+sentinel', host: 'h', port: 1, master: 'my/master' }],
  ])('%s is understood', (text, expected) => {
    const [address] = parse(text);
    expect(JSON.parse(JSON.stringify(address))).toEqual(expected);
  });

  test('several may stand in one text with commas, or in an array', () => {
    expect(parse('redis://a:1, redis://b:2,,c:3').map(addressText)).toEqual(['a:1', 'b:2', 'c:3']);
    expect(parse(['a:1,b', 'c:3']).map(addressText)).toEqual(['a:1', 'b:6379', 'c:3']);
  });

  test.each([
    'http://h',
    'redis://h:99999',
    'redis://h:x',
    'redis://h/abc',
    'redis://h/-1',
    'redis://h/1/2',
    'redis://h?db=3',
    'redis://h#x',
    'redis://a b',
    ':6379',
    'h:',
    '/run/redis.sock',
    '::1',
    'unix://run/redis.sock',
    'unix:///',
    'unix:///run/redis.sock?x=1',
    'unix:///run/redis.sock?db=x',
    'redis+sentinel://h',
    'redis+sentinel://h/',
    'redis+sentinel:///mymaster',
    'redis+sentinel://h/m/x',
    'redis://%zz@h',
  ])('%s is a bad request that names it', (text) => {
    const error = caught(() => parse(text));
    expect(error).toMatchObject({ code: 400, id: 'test' });
    expect(error.detail).toContain('is no address of redis: ');
  });

  test.each([
    'http://user:hunter2@h',
    'redis://user:hunter2@h:99999',
    'redis://user:hun/ter2@h',
    'redis://user:hunter2@h?password=hunter2',
    'user:hunter2@h:x',
    'redis://h?password=hunter2',
    'redis://a:hunter2@hunter2@h:x',
    'redis://user:hunter2,more@h',
    'h1:1,redis://:hunter2,hunter2,more@h',
  ])('no error shows a password: %s', (text) => {
    const { detail } = caught(() => parse(text));
    expect(detail).not.toContain('ter2');
  });
});

function caught(run: () => unknown): MicroError {
  try {
    run();
  } catch (error) {
    if (error instanceof MicroError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
