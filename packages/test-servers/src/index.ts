export { type TestCertificates, testCertificates } from './certificates.ts';
export { type EtcdOptions, startEtcd } from './etcd.ts';
export { missingServer, type ServerKind } from './find-program.ts';
export { createIsland, createNamespace, type Island, missingNamespace, type Namespace } from './namespace.ts';
export { type NatsOptions, startNats } from './nats.ts';
export type { Network } from './network.ts';
export { type RedisOptions, startRedis } from './redis.ts';
export type { ServerTls, StartOptions, TestCluster, TestServer } from './test-server.ts';
