import { askHttp } from './ask-http.ts';
import { testCertificates } from './certificates.ts';
import { serverProgram } from './missing-server.ts';
import { HERE, type Network } from './network.ts';
import { onFreePorts, type ServerPlan, startProcess } from './server-process.ts';
import type { ServerTls, TestServer } from './test-server.ts';

/** What a NATS server may be given. */
export interface NatsOptions {
  /** Whether it has JetStream, with its streams on disk. Default `false`. */
  readonly jetStream?: boolean | undefined;
  /** Clients have to show this user and password. Default: none. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Clients have to show this token. Default: none. */
  readonly token?: string | undefined;
  /** Whether clients have to speak TLS. Default `false`. */
  readonly tls?: ServerTls | undefined;
  /** More arguments, such as `['--max_payload', '1024']`. */
  readonly args?: readonly string[] | undefined;
  /** The network namespace it runs in. Default: ours. */
  readonly namespace?: Network | undefined;
}

/** Starts one `nats-server`. Ready when it says that it is healthy, after about 20 ms. */
export function startNats(options: NatsOptions = {}): Promise<TestServer> {
  return onFreePorts(['client', 'monitor'], ({ client, monitor }, closed) =>
    startProcess({ ...planNats({ ...options, label: 'nats', client, monitor }), closed }),
  );
}

/** What the servers of a system have besides. */
export interface NatsPlace extends NatsOptions {
  readonly label: string;
  readonly client: number;
  /** The port of its HTTP pages, by which we see how it is. */
  readonly monitor: number;
}

/** How a NATS server is started on given ports. */
export function planNats({
  label,
  client,
  monitor,
  jetStream = false,
  user,
  password,
  token,
  tls = false,
  args = [],
  namespace = HERE,
}: NatsPlace): ServerPlan {
  const program = serverProgram('nats');
  const { ip: host, prefix } = namespace;
  return {
    label,
    host,
    port: client,
    url: `${tls === false ? 'nats' : 'tls'}://${host}:${client}`,
    command: (data) => [
      ...[...prefix, program, '--addr', host, '--port', String(client), '--http_port', String(monitor)],
      ...(jetStream ? ['--jetstream', '--store_dir', data] : []),
      ...(user === undefined ? [] : ['--user', user]),
      ...(password === undefined ? [] : ['--pass', password]),
      ...(token === undefined ? [] : ['--auth', token]),
      ...tlsArguments(tls),
      ...args,
    ],
    ready: async () => {
      const { status } = await askHttp(`http://${host}:${monitor}/healthz${jetStream ? '?js-enabled=true' : ''}`);
      return status === 200;
    },
  };
}

function tlsArguments(tls: ServerTls): readonly string[] {
  if (tls === false) return [];
  const { caFile, certFile, keyFile } = testCertificates();
  return [
    '--tls',
    '--tlscert',
    certFile,
    '--tlskey',
    keyFile,
    ...(tls === 'mutual' ? ['--tlsverify', '--tlscacert', caFile] : []),
  ];
}
