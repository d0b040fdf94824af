import type { Client } from '@micro/core';

/** Calls the service once, and gives its answer as JSON. */
export async function callOnce(client: Client, signal?: AbortSignal): Promise<string> {
  const answer = await client.call({ service: '{{service}}', endpoint: '{{endpoint}}', body: {{request}} }, { signal });
  return JSON.stringify(answer);
}
