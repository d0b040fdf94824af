import { toJsonString } from '@bufbuild/protobuf';
import type { Client } from '@micro/core';
import { {{handler}} } from './gen/{{file}}_pb.ts';

/** Calls the service once, and gives its answer as JSON. */
export async function callOnce(client: Client, signal?: AbortSignal): Promise<string> {
  const answer = await client.of({{handler}}, '{{service}}').{{method}}({{request}}, { signal });
  return toJsonString({{handler}}.method.{{method}}.output, answer);
}
