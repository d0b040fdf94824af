import { type BrokerMessage, decodeEnvelope } from '@micro/core';

/** The message in what came, for whoever is told of a failure; what is no envelope is a body without a header. */
export function messageOf(data: Uint8Array): BrokerMessage {
  try {
    return decodeEnvelope(data);
  } catch {
    return { header: {}, body: data };
  }
}
