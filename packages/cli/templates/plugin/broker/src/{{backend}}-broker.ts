import type { Broker } from '@micro/core';
import { checkMessage, checkSubscribe, checkTopic, createFailureReport, inTurn, notConnected } from '@micro/core/plugin';
import { createAsk } from './ask.ts';
import { checkOptions, type {{Options}} } from './{{backend}}-options.ts';
import { notWritten } from './not-written.ts';

/**
 * A broker over {{backend}}. Throws 400 for options and messages that make no sense. Each question ends within `timeoutMs`:
 * 408 when {{backend}} does not answer, 503 when it cannot be reached or the broker is not connected.
 */
export function {{factory}}(options: {{Options}}): Broker {
  const { address, prefix, maxMessageBytes, timeoutMs } = checkOptions(options);
  const ask = createAsk(`{{backend}} at ${address}`, timeoutMs);
  // Tells of each event that was not handled: whoever gave `onError`, and the log when it is lost.
  const report = createFailureReport(options);
  const turn = inTurn();
  let connected = false;

  return {
    name: '{{backend}}',

    // Subscribers have an address of their own only where no server is between.
    address: undefined,

    /** Opens the connection, and goes on with the subscriptions that there are already. */
    connect: () =>
      turn(async () => {
        if (connected) return;
        await ask('connecting', undefined, async (signal) => {
          throw notWritten('connect', { address, signal });
        });
        connected = true;
      }),

    /** Waits for the handlers that run, for a while, and ends the connection. Subscriptions rest until the next `connect`. */
    disconnect: () =>
      turn(async () => {
        if (!connected) return;
        connected = false;
        throw notWritten('disconnect', { address });
      }),

    /** Resolves when {{backend}} has the message: header and bytes, as they are now. */
    publish: (topic, message, { signal: given } = {}) =>
      ask(`publishing to ${topic}`, given, async (signal) => {
        checkMessage(topic, message, maxMessageBytes);
        if (!connected) throw notConnected(topic);
        throw notWritten('publish', { prefix, topic, message, signal });
      }),

    /**
     * Calls the handler with each event of the topic, `concurrency` of them at once. Subscribers that name one queue share
     * its events; without one everybody gets each. An event is done when its handler has returned, or with `autoAck: false`
     * when `ack` is called; one whose handler threw, or called `nack`, comes again. Closing waits for the handlers that run.
     */
    async subscribe(topic, handler, given = {}) {
      checkTopic(topic);
      checkSubscribe(given);
      const { queue, autoAck = true, concurrency = 1 } = given;
      throw notWritten('subscribe', { prefix, topic, handler, queue, autoAck, concurrency, report });
    },
  };
}
