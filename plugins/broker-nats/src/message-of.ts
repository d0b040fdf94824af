import type { BrokerMessage } from '@micro/core';
import { decodeEnvelope } from '@micro/core/plugin';

/** The message in what came, for whoever is told of a failure; what is no envelope is a body without a header. */
export function messageOf(data: Uint8Array): BrokerMessage {
  try {
    return decodeEnvelope(data);
  } catch {
    return { header: {}, body: data };
  }
}
