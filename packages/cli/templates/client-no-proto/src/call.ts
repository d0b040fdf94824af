import type { Client } from '@micro/core';

/** Calls the service once, and gives its answer as JSON. */
export async function callOnce(client: Client, signal?: AbortSignal): Promise<string> {
  const request = { service: '{{service}}', endpoint: '{{endpoint}}', body: {{request}} };
  const answer = await client.call(request, { signal });
  return JSON.stringify(answer);
}
