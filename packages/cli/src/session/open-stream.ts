import type { CallOptions, Client, Definition } from '@micro/core';
import type { JsonText } from '../console/json-text.ts';

/** The three kinds of streams, as functions of an endpoint whose messages are JSON to the letter. */
export interface Streams {
  serverStream(request: JsonText, options: CallOptions): AsyncIterable<JsonText>;
  clientStream(requests: AsyncIterable<JsonText>, options: CallOptions): Promise<JsonText>;
  bidiStream(requests: AsyncIterable<JsonText>, options: CallOptions): AsyncIterable<JsonText>;
}

const ANY = { name: '' };

/** The functions of an endpoint that nobody has described. Which of them is right its caller has to know. */
export function openStreams(client: Client, service: string, endpoint: string): Streams {
  const common = { name: endpoint, input: ANY, output: ANY, idempotent: false, metadata: {} };
  const definition: Definition = {
    name: service,
    endpoints: (['serverStream', 'clientStream', 'bidiStream'] as const).map((kind) => ({
      ...common,
      kind,
      method: kind,
    })),
  };
  // The definition has a method for each of them, and the codec of the session makes and takes such messages.
  return client.of(definition, service) as unknown as Streams;
}
