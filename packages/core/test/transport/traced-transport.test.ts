import { describe, expect, test } from 'vitest';
import { runConformance } from '../../src/conformance/run.ts';
import { transportCases } from '../../src/conformance/transport.ts';
import type { LogFields, Logger } from '../../src/contract/logger.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { createService } from '../../src/service/create-service.ts';
import { memoryTransport } from '../../src/transport/memory-transport.ts';
import { tracedTransport } from '../../src/transport/traced-transport.ts';

function recorder(enabled: boolean): { logger: Logger; lines: { message: string; fields: LogFields }[] } {
  const lines: { message: string; fields: LogFields }[] = [];
  const logger: Logger = {
    ...silentLogger(),
    enabled: (level) => level !== 'trace' || enabled,
    log(level, message, fields = {}) {
      if (level === 'trace') lines.push({ message, fields });
    },
    fields: () => logger,
  };
  return { logger, lines };
}

describe('a traced transport is a transport', () => {
  runConformance({
    test,
    cases: transportCases,
    world() {
      const shared = tracedTransport(memoryTransport(), silentLogger());
      return { create: () => shared, supports: { oversize: false }, close: () => shared.close() };
    },
  });
});

async function callOnce(logger: Logger): Promise<void> {
  await using service = createService({
    name: 'greeter',
    registry: memoryRegistry(),
    transport: memoryTransport(),
    logger,
    server: { settleMs: 0 },
  });
  service.server.handle('Greeter', { hello: ({ name }: { name: string }) => ({ msg: `Hello ${name}` }) });
  await service.start();
  const metadata = { 'trace-me': 'yes', authorization: 'Bearer secret' };
  await service.client.call({ service: 'greeter', endpoint: 'Greeter.Hello', body: { name: 'John' } }, { metadata });
}

test('a service whose logger writes traces shows its messages, without credentials', async () => {
  const { logger, lines } = recorder(true);
  await callOnce(logger);
  expect(lines.map(({ message }) => message)).toEqual([
    'out 1: sent',
    'in 2: received',
    'in 2: ended',
    'out 1: received',
  ]);
  expect(lines[0]?.fields).toMatchObject({
    fields: { 'Micro-Endpoint': 'Greeter.Hello', 'Content-Type': 'application/json', 'Trace-Me': 'yes' },
    body: '{"name":"John"}',
  });
  expect(lines[3]?.fields).toMatchObject({ body: '{"msg":"Hello John"}' });
  expect(JSON.stringify(lines)).not.toContain('secret');
});

test('at any other level nothing is written', async () => {
  const { logger, lines } = recorder(false);
  await callOnce(logger);
  expect(lines).toEqual([]);
});
