import { startEtcd } from '@micro/test-servers';
import type { Served } from '../peer.ts';

/** An etcd. */
export async function serveEtcd(): Promise<Served> {
  const etcd = await startEtcd();
  return { address: etcd.url, pids: etcd.pid === undefined ? [] : [etcd.pid], close: () => etcd.close() };
}

/** What etcd has sent to its clients and received from them: their messages, without what HTTP/2 and TCP add. */
export async function etcdBytes(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counters = [...text.matchAll(/^etcd_network_client_grpc_(?:sent|received)_bytes_total (\S+)$/gm)];
  if (counters.length !== 2) throw new Error(`${url}/metrics does not say how many bytes went to clients`);
  return counters.reduce((sum, [, count]) => sum + Number(count), 0);
}
