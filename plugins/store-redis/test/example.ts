import { redisStore } from '@micro/store-redis';

const store = redisStore({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', table: 'users' });

await store.write({ key: 'ann', value: Buffer.from('I am Ann') });
await store.write({ key: 'joe', value: Buffer.from('not for long') }, { ttlMs: 60_000 });

const [ann] = await store.read('ann');
console.log(Buffer.from(ann?.value ?? []).toString());
console.log(await store.list({ limit: 10 }));

await store.delete('ann');
console.log(await store.read('ann'));
await store.close();
