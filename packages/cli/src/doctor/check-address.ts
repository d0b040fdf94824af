import { createServer } from 'node:net';
import { detailOf } from '../program/detail-of.ts';
import type { Finding } from './finding.ts';

/** Whether the fixed port that a service would listen on is free; nothing when there is none. */
export async function checkAddress(address: string | undefined): Promise<readonly Finding[]> {
  const [, host = '', port = ''] = /^\[?([^\]]*?)\]?:(\d+)$/.exec(address ?? '') ?? [];
  if (port === '' || port === '0') return [];
  const check = 'address';
  try {
    await listenOnce(host, Number(port));
    return [{ check, status: 'ok', detail: `${address} is free` }];
  } catch (error) {
    const detail = `--server_address ${address} cannot be listened on: ${detailOf(error)}`;
    return [{ check, status: 'problem', detail, fix: 'stop what listens there, or choose another address' }];
  }
}

function listenOnce(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, ...(host === '' ? {} : { host }) }, () => server.close(() => resolve()));
  });
}
