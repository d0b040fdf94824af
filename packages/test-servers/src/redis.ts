import { testCertificates } from './certificates.ts';
import { serverProgram } from './find-program.ts';
import { HERE, type Network } from './network.ts';
import { askRedis } from './redis-wire.ts';
import { onFreePorts, startProcess } from './server-process.ts';
import type { ServerTls, TestServer } from './test-server.ts';

/** What a Redis server may be given. */
export interface RedisOptions {
  /** Clients have to show it. Default: none. */
  readonly password?: string | undefined;
  /** Whether its port speaks TLS. Default `false`. */
  readonly tls?: ServerTls | undefined;
  /** Writes each change to a file, so that a restart finds it. Default `false`: a restart begins empty. */
  readonly appendOnly?: boolean | undefined;
  /** More arguments, such as `['--maxmemory', '1mb']`. */
  readonly args?: readonly string[] | undefined;
  /** The network namespace it runs in. Default: ours. */
  readonly namespace?: Network | undefined;
}

/** Starts one `redis-server`. Ready when it answers PING, after about 20 ms. */
export function startRedis(options: RedisOptions = {}): Promise<TestServer> {
  return onFreePorts(['port'], ({ port }, closed) => startRedisAt({ ...options, label: 'redis', port, closed }));
}

/** What the servers of a system have besides. */
export interface RedisPlace extends RedisOptions {
  readonly label: string;
  readonly port: number;
  readonly closed?: (() => void) | undefined;
}

/** One Redis server on a given port. */
export function startRedisAt({
  label,
  port,
  password,
  tls = false,
  appendOnly = false,
  args = [],
  namespace = HERE,
  closed,
}: RedisPlace): Promise<TestServer> {
  const program = serverProgram('redis');
  const { ip: host, prefix } = namespace;
  const door = { host, port, password, tls: tls !== false };
  return startProcess({
    label,
    host,
    port,
    url: `${tls === false ? 'redis' : 'rediss'}://${host}:${port}`,
    command: (data) => [
      ...[...prefix, program, '--bind', host, '--dir', data, '--save', '', '--daemonize', 'no'],
      // Protected mode asks for a password outside the loopback; where one is wanted the test sets it.
      ...['--protected-mode', 'no', '--appendonly', appendOnly ? 'yes' : 'no', '--appendfsync', 'always'],
      ...portArguments(port, tls),
      ...(password === undefined ? [] : ['--requirepass', password, '--masterauth', password]),
      ...args,
    ],
    ready: async () => (await askRedis(door, ['PING'])) === 'PONG',
    ...(closed === undefined ? {} : { closed }),
  });
}

function portArguments(port: number, tls: ServerTls): readonly string[] {
  if (tls === false) return ['--port', String(port)];
  const { caFile, certFile, keyFile } = testCertificates();
  return [
    ...['--port', '0', '--tls-port', String(port), '--tls-cert-file', certFile, '--tls-key-file', keyFile],
    ...['--tls-ca-cert-file', caFile, '--tls-auth-clients', tls === 'mutual' ? 'yes' : 'no'],
  ];
}
