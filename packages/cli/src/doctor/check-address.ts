import { once } from 'node:events';
import { createServer } from 'node:net';
import { bind } from '@micro/core/plugin';
import { detailOf } from '../console/detail-of.ts';
import type { Finding } from './finding.ts';

/** Whether a service could listen at the address that it is given; nothing when there is none, or when any port will do. */
export async function checkAddress(address: string | undefined): Promise<readonly Finding[]> {
  if (address === undefined || address === '') return [];
  const check = 'address';
  try {
    const server = createServer();
    await bind(server, address);
    await once(server.close(), 'close');
    return address.endsWith(':0') ? [] : [{ check, status: 'ok', detail: `${address} is free` }];
  } catch (error) {
    const detail = `--server_address: ${detailOf(error)}`;
    return [{ check, status: 'problem', detail, fix: 'stop what listens there, or choose another address' }];
  }
}
