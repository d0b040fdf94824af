import { testCertificates } from './certificates.ts';
import { serverProgram } from './missing-server.ts';
import { HERE, type Network } from './network.ts';
import { askRedis } from './redis-wire.ts';
import { onFreePorts, type ServerPlan, startProcess } from './server-process.ts';
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
  return onFreePorts(['port'], ({ port }, closed) =>
    startProcess({ ...planRedis({ ...options, label: 'redis', port }), closed }),
  );
}

/** What the servers of a system have besides. */
export interface RedisPlace extends RedisOptions {
  readonly label: string;
  readonly port: number;
}

/** How a Redis server is started on a given port. */
export function planRedis({
  label,
  port,
  password,
  tls = false,
  appendOnly = false,
  args = [],
  namespace = HERE,
}: RedisPlace): ServerPlan {
  const program = serverProgram('redis');
  const { ip: host, prefix } = namespace;
  const door = { host, port, password, tls: tls !== false };
  return {
    label,
    host,
    port,
    url: `${tls === false ? 'redis' : 'rediss'}://${host}:${port}`,
    command: (data) => [
      ...[...prefix, program, '--bind', host, '--dir', data, '--save', '', '--daemonize', 'no'],
      // Protected mode asks for a password outside the loopback; where one is wanted the test sets it.
      ...['--protected-mode', 'no', '--appendonly', appendOnly ? 'yes' : 'no', '--appendfsync', 'always'],
      // A replica that joins is served at once instead of after 5 seconds in which others may come.
      ...['--repl-diskless-sync-delay', '0'],
      ...portArguments(port, tls),
      ...(password === undefined ? [] : ['--requirepass', password, '--masterauth', password]),
      ...args,
    ],
    ready: async () => (await askRedis(door, ['PING'])) === 'PONG',
  };
}

function portArguments(port: number, tls: ServerTls): readonly string[] {
  if (tls === false) return ['--port', String(port)];
  const { caFile, certFile, keyFile } = testCertificates();
  return [
    ...['--port', '0', '--tls-port', String(port), '--tls-cert-file', certFile, '--tls-key-file', keyFile],
    ...['--tls-ca-cert-file', caFile, '--tls-auth-clients', tls === 'mutual' ? 'yes' : 'no'],
  ];
}
