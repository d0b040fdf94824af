import type { ChildProcess } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { createService } from '../../src/service/create-service.ts';
import { children, stopped } from './child-process.ts';

const PATIENT = { timeoutMs: 15_000 };

/** What a process says, as it says it. */
function heard(child: ChildProcess): string[] {
  const words: string[] = [];
  child.on('message', (word) => words.push(String(word)));
  return words;
}

describe('a service that runs', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)('stops with %s, and its process ends well', async (signal) => {
    await using processes = children();
    const child = processes.start('signal-service.mjs', 'plain');
    const words = heard(child);
    await eventually(() => expect(words).toEqual(['started']), PATIENT);
    expect(await stopped(child, signal)).toBe(0);
    expect(words).toEqual(['started', 'stopping', 'stopped', 'run has returned']);
  });

  test.each([
    ['SIGTERM', 'SIGTERM', 143],
    ['SIGINT', 'SIGINT', 130],
    ['SIGTERM', 'SIGQUIT', 131],
  ] as const)(
    'that takes long to stop after %s ends at once with a %s, with status %i',
    async (first, second, status) => {
      await using processes = children();
      const child = processes.start('signal-service.mjs', 'slow');
      const words = heard(child);
      await eventually(() => expect(words).toEqual(['started']), PATIENT);
      child.kill(first);
      await eventually(() => expect(words).toEqual(['started', 'stopping']), PATIENT);
      expect(await stopped(child, second)).toBe(status);
      expect(words).toEqual(['started', 'stopping']);
    },
  );

  test('stops when its own program says so, and the first signal after that does not cut it off', async () => {
    await using processes = children();
    const child = processes.start('signal-service.mjs', 'slow-and-says-so');
    const words = heard(child);
    await eventually(() => expect(words).toEqual(['started']), PATIENT);
    child.send('abort');
    await eventually(() => expect(words).toEqual(['started', 'stopping']), PATIENT);
    child.kill('SIGTERM');
    // A second one that comes before the first is taken would be the same signal to the system.
    await eventually(() => expect(words).toEqual(['started', 'stopping', 'SIGTERM']), PATIENT);
    // It goes on stopping: only a second signal is taken for impatience.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(child.exitCode ?? child.signalCode).toBeNull();
    expect(await stopped(child, 'SIGTERM')).toBe(143);
  });

  test('leaves signals alone where it is told to, and stops with its program’s', async () => {
    await using processes = children();
    const plain = processes.start('signal-service.mjs', 'ignore');
    const words = heard(plain);
    await eventually(() => expect(words).toEqual(['started']), PATIENT);
    plain.send('abort');
    expect(await stopped(plain)).toBe(0);
    expect(words).toEqual(['started', 'stopping', 'stopped', 'run has returned']);
    const other = processes.start('signal-service.mjs', 'ignore');
    const otherWords = heard(other);
    await eventually(() => expect(otherWords).toEqual(['started']), PATIENT);
    expect(await stopped(other, 'SIGTERM')).toBe('SIGTERM');
  });

  test('that cannot start says why and leaves the process to end', async () => {
    await using processes = children();
    const child = processes.start('signal-service.mjs', 'fail');
    const words = heard(child);
    expect(await stopped(child)).toBe(0);
    expect(words).toEqual(['run has thrown: no such luck']);
  });
});

test('run leaves no listener on the process behind, and a signal that was aborted before ends it at once', async () => {
  const counts = () => ['SIGTERM', 'SIGINT', 'SIGQUIT'].map((name) => process.listenerCount(name));
  const before = counts();
  const make = (signal: AbortSignal) =>
    createService({
      name: 'brief',
      registry: memoryRegistry(),
      logger: silentLogger(),
      signal,
      server: { address: '127.0.0.1:0', settleMs: 0 },
    });
  const controller = new AbortController();
  const service = make(controller.signal);
  const running = service.run();
  await eventually(() => expect(service.server.status).toBe('running'));
  expect(counts()).toEqual(before.map((count) => count + 1));
  controller.abort();
  await running;
  expect(service.server.status).toBe('stopped');
  await make(AbortSignal.abort()).run();
  expect(counts()).toEqual(before);
});
