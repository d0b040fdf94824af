import { redisLink, redisValues } from '@micro/redis-client';

const link = redisLink(
  { url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' },
  { id: 'acme.counter', name: 'the counter', patienceMs: 5_000 },
);
const values = redisValues(link);

await values.write('greeting', 'hello', { ttlMs: 60_000 });
console.log((await values.read('greeting'))?.value.toString());

const visits = await link.call({
  verb: 'counting',
  key: 'visits',
  bytes: 6,
  once: true,
  run: (redis) => redis.call('incr', 'visits'),
});
console.log(visits);
await link.close();
