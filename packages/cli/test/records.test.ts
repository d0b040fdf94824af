import { eventually } from '@micro/core/conformance';
import { missingServer, startEtcd, type TestServer } from '@micro/test-servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Env, privateMdns, runHere, runMicro, startHelloworld, startMicro, type TestService } from './support.ts';

/** What go-micro's `describe service` prints of a unary endpoint, line by line. */
const GO_DESCRIPTION = `    {
      "name": "Helloworld.Call",
      "request": {
        "name": "CallRequest",
        "type": "CallRequest",
        "values": [
          {
            "name": "name",
            "type": "string",
            "values": null
          }
        ]
      },
      "response": {
        "name": "CallResponse",
        "type": "CallResponse",
        "values": [
          {
            "name": "msg",
            "type": "string",
            "values": null
          }
        ]
      },
      "metadata": {}
    }`;

/** The commands over a registry, with two versions of one service and another service in it. */
function itKnowsServices(where: () => Env): void {
  let env: Env;
  let services: readonly TestService[];
  beforeAll(async () => {
    env = where();
    services = [
      await startHelloworld({ env, version: '1.9.0' }),
      await startHelloworld({ env, version: '1.10.0' }),
      await startHelloworld({ env, name: 'other' }),
    ];
  });
  afterAll(async () => {
    for (const { service } of services) await service.stop();
  });
  const run = (...args: string[]) => runHere(args, { env });
  /** By mDNS an answer may come too late on a machine that is busy. */
  const soon = (check: () => Promise<void>) => eventually(check, { timeoutMs: 60_000 });

  test('services are listed by name, and with --wide and as data with their versions and nodes', () =>
    soon(async () => {
      expect(await runMicro(['services'], { env })).toEqual({ stdout: 'helloworld\nother\n', stderr: '', code: 0 });
      expect((await run('services', '--wide')).stdout).toBe(
        'helloworld  1.10.0  1 node\nhelloworld  1.9.0   1 node\nother       latest  1 node\n',
      );
      expect(JSON.parse((await run('services', '-o', 'json')).stdout)).toEqual([
        {
          name: 'helloworld',
          versions: [
            { version: '1.10.0', nodes: 1 },
            { version: '1.9.0', nodes: 1 },
          ],
        },
        { name: 'other', versions: [{ version: 'latest', nodes: 1 }] },
      ]);
      expect((await run('registry', 'list', '-o', 'yaml')).stdout).toBe('helloworld\n---\nother\n');
    }));

  test('a service is described as go-micro does it, the newest version alone or all of them', () =>
    soon(async () => {
      const one = await runMicro(['describe', 'service', 'helloworld', '--format', 'json'], { env });
      expect(one).toMatchObject({ code: 0, stderr: '1 more: 1.9.0 (--all)\n' });
      expect(one.stdout).toContain('{\n  "name": "helloworld",\n  "version": "1.10.0",\n  "metadata": null,\n');
      expect(one.stdout).toContain(GO_DESCRIPTION);
      expect(JSON.parse(one.stdout).nodes).toMatchObject([
        { id: expect.stringMatching(/^helloworld-/), address: services[1]?.address, metadata: { protocol: 'mucp' } },
      ]);
      const all = await run('describe', 'service', 'helloworld', '--all', '-o', 'json');
      expect(JSON.parse(all.stdout)).toMatchObject([{ version: '1.10.0' }, { version: '1.9.0' }]);
      const yaml = await run('describe', 's', 'helloworld', '--all', '-o', 'yaml');
      expect(yaml.stdout.split('---\n')).toHaveLength(2);
    }));

  test('a description for people has each endpoint on a line, with the shape of its messages', () =>
    soon(async () => {
      const { stdout } = await run('describe', 'service', 'other');
      expect(stdout).toMatch(/^other latest\n\nNodes:\n {2}127\.0\.0\.1:\d+ {2}other-/);
      expect(stdout).toMatch(
        /^ {2}Helloworld\.Call +unary +CallRequest \{ name: string \} → CallResponse \{ msg: string \}$/m,
      );
      expect(stdout).toMatch(
        /^ {2}Helloworld\.BidiStream +bidi stream +BidiStreamRequest \{ stroke: int64 \} → BidiStreamResponse \{ stroke: int64 \}$/m,
      );
    }));

  test('the health of a service is that of all its nodes', () =>
    soon(async () => {
      const { stdout, code } = await run('health', 'helloworld', '-o', 'json');
      expect({ code, nodes: JSON.parse(stdout) }).toMatchObject({
        code: 0,
        nodes: [{ healthy: true, status: 'ok' }, { healthy: true }],
      });
      expect(await run('health', 'nobody')).toMatchObject({ code: 69, stdout: '' });
    }));

  test('a record is shown by its name, and a name that is nearly right is answered with the right one', () =>
    soon(async () => {
      expect((await run('registry', 'get', 'other')).stdout).toMatch(/^latest {2}127\.0\.0\.1:\d+ {2}other-/);
      expect(JSON.parse((await run('registry', 'get', 'helloworld', '-o', 'json')).stdout)).toHaveLength(2);
      for (const command of [['registry', 'get'], ['describe', 'service'], ['health']]) {
        expect(await run(...command, 'othr')).toMatchObject({
          code: 69,
          stderr: expect.stringContaining('did you mean other?'),
        });
      }
    }));

  test('a call and a stream find their service', () =>
    soon(async () => {
      const called = await run('call', 'helloworld', 'Helloworld.Call', '{"name":"John"}');
      expect(called).toMatchObject({ stdout: '{"msg":"Hello John"}\n', code: 0 });
      const streamed = await run('stream', 'server', 'other', 'Helloworld.ServerStream', '{"count":1}');
      expect(streamed).toMatchObject({ stdout: '{"count":0}\n', code: 0 });
    }));

  test('a change is a line of JSON as soon as it happens', async () => {
    const watching = startMicro(['registry', 'watch', 'late'], { env });
    const registry = services[0]?.service.components.registry;
    const record = (change: number) => ({
      name: 'late',
      version: 'latest',
      metadata: {},
      endpoints: [],
      nodes: [{ id: 'late-1', address: '127.0.0.1:1234', metadata: { change: String(change) } }],
    });
    let changes = 0;
    // Nobody says when a watch has begun.
    await eventually(
      async () => {
        await registry?.register(record(changes++));
        expect(watching.stdout()).toContain('"name":"late"');
      },
      { timeoutMs: 60_000, everyMs: 200 },
    );
    await registry?.deregister(record(changes));
    await watching.printed('"action":"delete"');
    const { stdout, code } = await watching.ended('SIGINT');
    expect(code).toBe(130);
    const [first] = stdout.split('\n').map((line) => (line === '' ? undefined : JSON.parse(line)));
    expect(first).toMatchObject({ action: expect.stringMatching(/create|update/), service: { name: 'late' } });
  });
}

describe('over mDNS', async () => {
  const env = await privateMdns();
  itKnowsServices(() => env);
});

const missing = missingServer('etcd');
describe.skipIf(missing !== undefined)(`over etcd${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let etcd: TestServer;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.close());

  itKnowsServices(() => ({ MICRO_REGISTRY: 'etcd', MICRO_REGISTRY_ADDRESS: etcd.url }));

  test('flags stand for variables, in both spellings and before the command too', async () => {
    const args = ['--registry=etcd', 'services', '--registry-address', etcd.url];
    expect(await runMicro(args, { env: { MICRO_REGISTRY: 'mdns' } })).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a node at an address', () => {
  test('is healthy or not, as the probe of a container needs it', async () => {
    const { service, address } = await startHelloworld();
    expect(await runMicro(['health', '--address', address])).toEqual({
      stdout: `${address}  ${address}  ok\n`,
      stderr: '',
      code: 0,
    });
    await service.stop();
    expect(await runHere(['health', '--address', address, '-o', 'ndjson'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('"healthy":false'),
    });
    expect(await runHere(['health'])).toMatchObject({ code: 2 });
  });
});
