import type { DescMessage } from '@bufbuild/protobuf';
import type { MessageType } from '../contract/definition.ts';
import type { EventType } from '../contract/event.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { protoMessageType } from './describe-proto.ts';

const ANYTHING: MessageType = Object.freeze({ name: '' });

/** What the messages of a topic are, for codecs and validation. Throws 400 for what describes no message. */
export function eventType(topic: string, described: EventType | undefined): MessageType {
  if (described === undefined) return ANYTHING;
  if (isDescriptor(described)) return protoMessageType(described);
  if ('~standard' in described) return { name: topic, schema: described };
  const detail = `the messages of ${topic} are described by no Standard Schema validator and no message descriptor`;
  throw new MicroError({ code: CODE.badRequest, detail });
}

function isDescriptor(described: EventType): described is DescMessage {
  return 'kind' in described && described.kind === 'message' && 'typeName' in described;
}
