import { CODE } from '@micro/core';
import { Cluster, Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { type RedisOptions, redisLink } from '../src/index.ts';

const OWNER = { id: 'test', name: 'the test', patienceMs: 1_000 };
const made = (options: RedisOptions) => redisLink(options, OWNER);

describe('the options of a link', () => {
  test.each<[string, RedisOptions]>([
    ['url names no address', { url: [] }],
    ['url names no address', { url: ' , ' }],
    ['not alike', { url: ['redis://a', 'rediss://b'] }],
    ['not alike', { url: ['redis://u:p@a', 'redis://u:q@b'] }],
    ['not alike', { url: ['redis+sentinel://a/one', 'redis+sentinel://b/two'] }],
    ['a cluster has no database 3', { url: ['redis://a/3', 'redis://b/3'] }],
    ['names 2 addresses', { url: ['redis://a', 'redis://b'], cluster: false }],
    ['the nodes of a cluster have no sockets', { url: 'unix:///run/redis.sock', cluster: true }],
    ['sentinels watch over no cluster', { url: 'redis+sentinel://a/one', cluster: true }],
    ['without a redis+sentinel: url', { url: 'redis://a', sentinelPassword: 'x' }],
    ['tls means nothing to a unix: socket', { url: 'unix:///run/redis.sock', tls: {} }],
    ['timeoutMs is -1', { timeoutMs: -1 }],
    ['connectTimeoutMs is NaN', { connectTimeoutMs: Number.NaN }],
    ['patienceMs is Infinity', { patienceMs: Number.POSITIVE_INFINITY }],
    ['maxPendingBytes is -5', { maxPendingBytes: -5 }],
    ['client is no client of ioredis', { client: {} as never }],
    ['client is no client of ioredis', { client: 'redis://a' as never }],
  ])('%s: a bad request', (detail, options) => {
    expect(() => made(options)).toThrow(expect.objectContaining({ code: CODE.badRequest, id: 'test' }));
    expect(() => made(options)).toThrow(detail);
  });

  test('a file of a certificate that is not there is an error at once', () => {
    expect(() => made({ url: 'rediss://a', tls: { caFile: '/nowhere/ca.pem' } })).toThrow('/nowhere/ca.pem');
  });

  test('settings beside a ready client, and one that changes keys, are bad requests', () => {
    const client = new Redis({ lazyConnect: true });
    expect(() => made({ client, url: 'redis://a' })).toThrow('url means nothing beside a ready client');
    expect(() => made({ client, tls: {} })).toThrow('tls means nothing beside a ready client');
    const prefixed = new Redis({ lazyConnect: true, keyPrefix: 'mine:' });
    expect(() => made({ client: prefixed })).toThrow('keyPrefix "mine:"');
    // With it ioredis would run the key "flushall" as a command.
    const pipelining = new Redis({ lazyConnect: true, enableAutoPipelining: true });
    expect(() => made({ client: pipelining })).toThrow('enableAutoPipelining');
    const nodes = [{ host: '127.0.0.1', port: 1 }];
    const cluster = new Cluster(nodes, { lazyConnect: true, enableAutoPipelining: true });
    expect(() => made({ client: cluster })).toThrow('enableAutoPipelining');
  });

  test('sentinels that cannot be reached are told of without what ioredis means to do about it', async () => {
    const link = made({ url: 'redis+sentinel://127.0.0.1:1/mymaster', patienceMs: 0 });
    const run = async () => 1;
    await expect(link.call({ verb: 'asking', bytes: 0, run })).rejects.toMatchObject({
      code: CODE.unavailable,
      detail: expect.stringMatching(/\(no sentinel can be reached: [A-Z]/),
    });
    await link.close();
  });

  test('a link that was never used connects to nothing, and can be closed twice', async () => {
    const link = made({ url: 'redis://127.0.0.1:1' });
    await link.close();
    await link.close();
    await expect(link.call({ verb: 'asking', bytes: 0, run: async () => 1 })).rejects.toMatchObject({
      code: CODE.unavailable,
      detail: 'the test is closed; make another one',
    });
  });
});
