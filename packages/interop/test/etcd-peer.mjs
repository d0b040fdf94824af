// A process that registers a record in etcd and keeps it alive until it is killed: `node etcd-peer.mjs <host:port> <ttl in
// milliseconds> <record as JSON>`. It says {"registered":true}, and ends with its stdin.
import { etcdRegistry } from '@micro/registry-etcd';

const [, , hosts, ttlMs, record] = process.argv;
const registry = etcdRegistry({ hosts });
await registry.register(JSON.parse(record), { ttlMs: Number(ttlMs) });
console.log(JSON.stringify({ registered: true }));
process.stdin.resume();
process.stdin.once('end', () => process.exit(0));
