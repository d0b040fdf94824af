import { redisCache } from '@micro/cache-redis';

const cache = redisCache({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', ttlMs: 60_000 });

await cache.put('user:7', JSON.stringify({ name: 'John' }));
const entry = await cache.get('user:7');
console.log(JSON.parse(String(entry?.value)), entry?.expiresAt !== undefined);

await cache.put('visits', 41 + 1, { ttlMs: 0 });
console.log(String((await cache.get('visits'))?.value));

await cache.delete('user:7');
console.log(await cache.get('user:7'));
await cache.close();
