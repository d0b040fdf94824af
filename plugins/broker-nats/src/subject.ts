import { CODE } from '@micro/core';
import { brokerError, checkTopic } from '@micro/core/plugin';

/** What the server keeps for itself: its own API, its inboxes. A topic that comes from outside must not reach them. */
const RESERVED = /^(?:\$|_INBOX\.)/;
const SPACE = /\s/;
const HALF = /\p{Surrogate}/u;

/** Throws 400 for a topic that is no subject of NATS, or that a message cannot be published to. */
export function checkPublishTopic(topic: string): void {
  checkSubject(topic);
  if (hasWildcard(topic)) {
    throw brokerError(CODE.badRequest, `cannot publish to ${JSON.stringify(topic)}: * and > stand for other topics`);
  }
}

/** Throws 400 for a topic that is no subject of NATS; `*` and `>` are wildcards, as in go-micro's plugin. */
export function checkSubscribeTopic(topic: string): void {
  checkSubject(topic);
  const end = topic.indexOf('>');
  if (hasWildcard(topic) && end !== -1 && end !== topic.length - 1 && topic.split('.').slice(0, -1).includes('>')) {
    throw brokerError(
      CODE.badRequest,
      `topic ${JSON.stringify(topic)} is no subject of NATS: > stands at its end only`,
    );
  }
}

/** Throws 400 for a queue with a space or half a character in it, which NATS has no way to write. */
export function checkQueue(queue: string): void {
  if (SPACE.test(queue) || HALF.test(queue)) {
    throw brokerError(
      CODE.badRequest,
      `queue ${JSON.stringify(queue)} is no name for NATS: give whole characters, and no space`,
    );
  }
}

/** Whether a topic stands for others. */
export function hasWildcard(topic: string): boolean {
  if (!topic.includes('*') && !topic.includes('>')) return false;
  return topic.split('.').some((token) => token === '*' || token === '>');
}

/** Whether a subject with wildcards, such as `users.>`, has a topic. */
export function covers(subject: string, topic: string): boolean {
  const [wanted, given] = [subject.split('.'), topic.split('.')];
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return given.length > index;
    if (index >= given.length || (token !== '*' && token !== given[index])) return false;
  }
  return wanted.length === given.length;
}

function checkSubject(topic: string): void {
  checkTopic(topic);
  if (SPACE.test(topic) || topic.startsWith('.') || topic.endsWith('.') || topic.includes('..')) {
    const rule = 'words with dots between them, and no space';
    throw brokerError(CODE.badRequest, `topic ${JSON.stringify(topic)} is no subject of NATS: give ${rule}`);
  }
  // As UTF-8 every half of a character is the same one, and so are topics that differ in it.
  if (HALF.test(topic)) {
    throw brokerError(
      CODE.badRequest,
      `topic ${JSON.stringify(topic)} has half a surrogate pair: give whole characters`,
    );
  }
  if (RESERVED.test(topic)) {
    const rule = 'what begins with $ or _INBOX. belongs to the server';
    throw brokerError(CODE.badRequest, `topic ${JSON.stringify(topic)} is not for events: ${rule}`);
  }
}
