import { askHttp, askJson } from './ask-http.ts';
import { testCertificates } from './certificates.ts';
import { serverProgram } from './missing-server.ts';
import { HERE, type Network } from './network.ts';
import { START_MS } from './poll.ts';
import { onFreePorts, type ServerPlan, startProcess } from './server-process.ts';
import type { ServerTls, TestServer } from './test-server.ts';

/** What an etcd server may be given. */
export interface EtcdOptions {
  /** Whether its client port speaks TLS. Default `false`. */
  readonly tls?: ServerTls | undefined;
  /** Turns authentication on, with this user, who may do everything. Default: none. */
  readonly auth?: { readonly user: string; readonly password: string } | undefined;
  /** More arguments, such as `['--max-txn-ops', '8']`. */
  readonly args?: readonly string[] | undefined;
  /** The network namespace it runs in. Default: ours. */
  readonly namespace?: Network | undefined;
}

/**
 * Starts one etcd. Ready when it has a leader and serves, after about 100 ms: its heartbeat is 10 ms and its election
 * timeout 100 ms, a tenth of the defaults, which cost a second with each start.
 */
export function startEtcd(options: EtcdOptions = {}): Promise<TestServer> {
  return onFreePorts(['client', 'peer'], (ports, closed) => {
    const member = { name: 'n0', ...ports, namespace: options.namespace ?? HERE };
    return startProcess({ ...planMember(member, [member], { ...options, label: 'etcd', timing: [10, 100] }), closed });
  });
}

/** One member of a system of etcd servers. */
export interface EtcdMember {
  readonly name: string;
  readonly client: number;
  readonly peer: number;
  readonly namespace: Network;
}

interface MemberOptions extends EtcdOptions {
  readonly label: string;
  /** Heartbeat and election timeout, in milliseconds. */
  readonly timing: readonly [heartbeat: number, election: number];
}

/** How a member is started. It is ready when the system has a leader: a member alone waits for the others. */
export function planMember(
  { name, client, peer, namespace }: EtcdMember,
  members: readonly EtcdMember[],
  { label, timing: [heartbeat, election], tls = false, auth, args = [] }: MemberOptions,
): ServerPlan {
  const program = serverProgram('etcd');
  const url = `${tls === false ? 'http' : 'https'}://${namespace.ip}:${client}`;
  const peerUrl = (member: EtcdMember): string => `http://${member.namespace.ip}:${member.peer}`;
  const own = peerUrl({ name, client, peer, namespace });
  return {
    label,
    host: namespace.ip,
    port: client,
    url,
    command: (data) => [
      ...[...namespace.prefix, program, '--name', name, '--data-dir', `${data}/etcd`],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', own, '--initial-advertise-peer-urls', own],
      ...['--initial-cluster', members.map((member) => `${member.name}=${peerUrl(member)}`).join(',')],
      ...['--initial-cluster-state', 'new', '--initial-cluster-token', members.map(peerUrl).join('+')],
      ...['--heartbeat-interval', String(heartbeat), '--election-timeout', String(election)],
      ...['--logger', 'zap', '--log-level', 'warn', ...tlsArguments(tls), ...args],
    ],
    ready: async () => (await askHttp(`${url}/health`)).text.includes('"health":"true"'),
    ...(auth === undefined ? {} : { setUp: () => turnAuthOn(url, auth.user, auth.password) }),
  };
}

function tlsArguments(tls: ServerTls): readonly string[] {
  if (tls === false) return [];
  const { caFile, certFile, keyFile } = testCertificates();
  // With authorities to trust etcd asks every client for a certificate, also without being told to.
  const mutual = tls === 'mutual' ? ['--client-cert-auth', '--trusted-ca-file', caFile] : [];
  return ['--cert-file', certFile, '--key-file', keyFile, ...mutual];
}

/** etcd wants a user called root before it turns authentication on. */
async function turnAuthOn(url: string, user: string, password: string): Promise<void> {
  const tell = (what: string, body: object) => askJson(`${url}/v3/auth/${what}`, { body, timeoutMs: START_MS });
  await tell('role/add', { name: 'root' });
  for (const name of new Set(['root', user])) {
    await tell('user/add', { name, password });
    await tell('user/grant', { user: name, role: 'root' });
  }
  await tell('enable', {});
}
