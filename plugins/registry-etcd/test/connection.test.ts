import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '@micro/core';
import { eventually, within } from '@micro/core/conformance';
import { startEtcd, type TestServer, testCertificates } from '@micro/test-servers';
import { Etcd3, Range } from 'etcd3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { etcdRegistry, plugin } from '../src/index.ts';
import { startProxy } from './faults/proxy.ts';
import { follow, greeter, ids, keepingLogger, makers, missing, node, why } from './support.ts';

const user = { user: 'micro', password: 'secret of micro' };
const certificates = testCertificates();
const tls = { caFile: certificates.caFile };
const own = { certFile: certificates.clientCertFile, keyFile: certificates.clientKeyFile };

describe.skipIf(missing !== undefined)(`the connection to etcd${why}`, () => {
  const make = makers();
  let etcd: TestServer;
  let guarded: TestServer;
  let secure: TestServer;
  let mutual: TestServer;
  beforeAll(async () => {
    [etcd, guarded, secure, mutual] = await Promise.all([
      startEtcd(),
      startEtcd({ auth: user }),
      startEtcd({ tls: true }),
      startEtcd({ tls: 'mutual' }),
    ]);
  });
  afterAll(() => Promise.all([etcd, guarded, secure, mutual].map((server) => server.close())));

  it('fails soon where nobody listens, and says where that is and what to do', async () => {
    const registry = make.registry({ hosts: '127.0.0.1:1' });
    const failing = within('the lookup', Promise.resolve(registry.getService('greeter')), 4_000);
    await expect(failing).rejects.toMatchObject({
      code: 503,
      id: 'go.micro.registry',
      detail:
        'looking up greeter in etcd at 127.0.0.1:1 failed: connect ECONNREFUSED 127.0.0.1:1; is it running, and can it be reached?',
    });
    await expect(registry.register(greeter(node(1)))).rejects.toMatchObject({ code: 503 });
    await expect(registry.deregister(greeter(node(1)))).rejects.toMatchObject({ code: 503 });
    await expect(registry.listServices()).rejects.toMatchObject({ code: 503 });
  });

  it('fails with its own error where the logger fails, too', async () => {
    const logger: Logger = {
      ...keepingLogger(),
      log() {
        throw new Error('the disk is full');
      },
    };
    const registry = make.registry({ hosts: '127.0.0.1:1', logger });
    await expect(registry.getService('greeter')).rejects.toMatchObject({ code: 503, id: 'go.micro.registry' });
  });

  it('fails at its deadline with a server that takes connections and says nothing', async () => {
    await using silent = await silentServer();
    const registry = make.registry({ hosts: silent.address, timeoutMs: 500 });
    const begun = performance.now();
    await expect(registry.getService('greeter')).rejects.toMatchObject({
      code: 408,
      detail: expect.stringContaining(silent.address),
    });
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  it('ends a wait with 499 or 408 when the signal of the caller aborts', async () => {
    await using silent = await silentServer();
    const registry = make.registry({ hosts: silent.address });
    const controller = new AbortController();
    const cancelled = registry.register(greeter(node(1)), { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(cancelled).rejects.toMatchObject({ code: 499 });
    await expect(registry.getService('greeter', { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({
      code: 408,
    });
  });

  it('ends every wait when the registry is closed', async () => {
    await using silent = await silentServer();
    const registry = etcdRegistry({ hosts: silent.address });
    const waits = [registry.getService('greeter'), registry.listServices(), registry.register(greeter(node(1)))];
    const results = Promise.allSettled(waits);
    const watch = follow(registry);
    await within('close', registry.close(), 10_000);
    for (const result of await within('the waits', results)) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { code: 503, detail: expect.stringContaining('closed') },
      });
    }
    await within('the watch', watch.over);
    expect(watch.failure).toBeUndefined();
  });

  it('asks the next of several servers when one does not answer', async () => {
    for (let times = 0; times < 4; times++) {
      const registry = make.registry({ hosts: ['127.0.0.1:1', etcd.url, '127.0.0.1:2'], prefix: `/hosts-${times}/` });
      const watch = follow(registry);
      await registry.register(greeter(node(1)));
      expect(ids(await registry.getService('greeter'))).toEqual(['greeter-1']);
      await eventually(() => expect(watch.texts).toEqual(['create greeter-1']));
      await watch.stop();
      await registry.close();
    }
  });

  it('goes to an IPv6 address, and past the proxy of the environment', async () => {
    vi.stubEnv('http_proxy', 'http://127.0.0.1:1');
    vi.stubEnv('no_proxy', '');
    // Where a machine has none, the way past the proxy is what is left to show.
    const hasIpv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'));
    await using proxy = await startProxy(etcd.host, etcd.port, hasIpv6 ? '::1' : '127.0.0.1');
    const registry = make.registry({ hosts: `http://${proxy.address}`, prefix: '/six/' });
    await registry.register(greeter(node(1)));
    expect(ids(await registry.getService('greeter'))).toEqual(['greeter-1']);
    await registry.close();
    vi.unstubAllEnvs();
  });

  it('speaks TLS and verifies the server', async () => {
    const registry = make.registry({ hosts: secure.url, tls });
    const watch = follow(registry);
    await registry.register(greeter(node(1)));
    expect(ids(await registry.getService('greeter'))).toEqual(['greeter-1']);
    await eventually(() => expect(watch.texts).toEqual(['create greeter-1']));
    await watch.stop();
    for (const strange of [{}, { ca: certificates.clientCert }, { ...tls, serverName: 'elsewhere.example' }]) {
      const stranger = make.registry({ hosts: secure.url, tls: strange, timeoutMs: 3_000 });
      await expect(stranger.getService('greeter')).rejects.toMatchObject({ code: 503 });
    }
    const plain = make.registry({ hosts: secure.address, timeoutMs: 3_000 });
    await expect(plain.getService('greeter')).rejects.toMatchObject({
      detail: expect.stringContaining(secure.address),
    });
    const trusting = make.registry({ hosts: secure.url, tls: { insecure: true } });
    expect(ids(await trusting.getService('greeter'))).toEqual(['greeter-1']);
    const named = make.registry({ hosts: secure.url, tls: { ...tls, serverName: 'localhost' } });
    expect(ids(await named.getService('greeter'))).toEqual(['greeter-1']);
  });

  it('shows a certificate of its own where the server wants one', async () => {
    const registry = make.registry({ hosts: mutual.url, tls: { ...tls, ...own } });
    await registry.register(greeter(node(1)));
    expect(ids(await registry.getService('greeter'))).toEqual(['greeter-1']);
    const nobody = make.registry({ hosts: mutual.url, tls, timeoutMs: 3_000 });
    await expect(nobody.getService('greeter')).rejects.toThrow(mutual.address);
  });

  it('has the certificates that its files hold when it is made anew', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'etcd-ca-'));
    const caFile = join(folder, 'ca.pem');
    await writeFile(caFile, certificates.clientCert);
    const registry = make.registry({ hosts: secure.url, tls: { caFile }, timeoutMs: 3_000 });
    await expect(registry.getService('greeter')).rejects.toMatchObject({ code: 503 });
    await writeFile(caFile, certificates.ca);
    await eventually(async () => expect(await registry.getService('nobody')).toEqual([]), { timeoutMs: 15_000 });
    await rm(folder, { recursive: true });
  });

  it('logs in, and is refused with a code when it may not', async () => {
    const registry = make.registry({ hosts: guarded.url, username: user.user, password: user.password });
    await registry.register(greeter(node(1)));
    expect(ids(await registry.getService('greeter'))).toEqual(['greeter-1']);
    const wrong = make.registry({ hosts: guarded.url, username: user.user, password: 'wrong' });
    await expect(wrong.getService('greeter')).rejects.toMatchObject({
      code: 401,
      detail: expect.not.stringContaining('wrong'),
    });
    const watch = follow(wrong);
    await within('the watch', watch.over);
    expect(watch.failure).toMatchObject({ code: 401 });
    const nobody = make.registry({ hosts: guarded.url });
    await expect(nobody.getService('greeter')).rejects.toMatchObject({ code: 401 });
  });

  it('is refused with 403 where the user has no role for the keys', async () => {
    const root = new Etcd3({ hosts: guarded.url, auth: { username: 'root', password: user.password } });
    await root.role('half').create();
    await root.role('half').grant({ permission: 'Readwrite', range: Range.prefix('/allowed/') });
    await root.user('half').create('half a password');
    await root.user('half').addRole('half');
    root.close();
    const half = { hosts: guarded.url, username: 'half', password: 'half a password' };
    const allowed = make.registry({ ...half, prefix: '/allowed/' });
    await allowed.register(greeter(node(1)));
    expect(ids(await allowed.getService('greeter'))).toEqual(['greeter-1']);
    const refused = make.registry(half);
    await expect(refused.getService('greeter')).rejects.toMatchObject({ code: 403 });
    const watch = follow(refused);
    await within('the watch', watch.over);
    expect(watch.failure).toMatchObject({ code: 403 });
  });

  it('logs in where etcd asks nobody for a name', async () => {
    const registry = make.registry({ hosts: etcd.url, username: 'micro', password: 'x', prefix: '/nobody/' });
    await registry.register(greeter(node(1)));
    expect(ids(await registry.getService('greeter'))).toEqual(['greeter-1']);
  });

  /** To refuse tokens and to give out others is work for etcd, and a busy machine does it slowly. */
  const timeoutMs = 25_000;

  /** Not even a restart does that: then etcd gives them out again, as its log says. */
  const forgetTokens = () => {
    const root = make.etcd3(guarded.url, { username: 'root', password: user.password });
    return root.user(user.user).setPassword(user.password);
  };

  it('asks for another token once, however many calls the old one was refused to', async () => {
    // Each token that is given out is a proposal to all members, which a lookup is not.
    const proposals = async (): Promise<number> => {
      const metrics = await (await fetch(`${guarded.url}/metrics`)).text();
      return Number(/^etcd_server_proposals_committed_total (\S+)$/m.exec(metrics)?.[1]);
    };
    const registry = make.registry({ hosts: guarded.url, username: user.user, password: user.password, timeoutMs });
    await registry.getService('greeter');
    await forgetTokens();
    const before = await proposals();
    await Promise.all(Array.from({ length: 64 }, () => registry.getService('greeter')));
    const more = (await proposals()) - before;
    expect(more).toBeGreaterThan(0);
    expect(more).toBeLessThan(8);
  });

  it('outlives its token', async () => {
    const logger = keepingLogger();
    const registry = make.registry({
      hosts: guarded.url,
      username: user.user,
      password: user.password,
      timeoutMs,
      logger,
      prefix: '/t/',
    });
    const watch = follow(registry);
    await registry.register(greeter(node(1)));
    await guarded.restart();
    const patient = { timeoutMs: 20_000 };
    await eventually(async () => expect(ids(await registry.getService('greeter'))).toEqual(['greeter-1']), patient);
    await forgetTokens();
    await registry.register(greeter(node(2)));
    await eventually(() => expect(watch.texts).toEqual(['create greeter-1', 'create greeter-2']), patient);
    await watch.stop();
  });

  it('may be that of a given client, which stays open', async () => {
    const client = make.etcd3(etcd.url);
    const registry = make.registry({ client, prefix: '/given/' });
    const watch = follow(registry);
    await registry.register(greeter(node(1)));
    expect(ids(await registry.getService('greeter'))).toEqual(['greeter-1']);
    await eventually(() => expect(watch.texts).toEqual(['create greeter-1']));
    await registry.close();
    expect(await client.get('/given/greeter/greeter-1').exists()).toBe(false);
    expect(() => etcdRegistry({ client, hosts: 'etcd' })).toThrow(/client and hosts/);
  });
});

describe.skipIf(missing !== undefined)(`the manifest${why}`, () => {
  it('makes a registry of the flags', async () => {
    await using etcd = await startEtcd();
    for (const address of [etcd.address, [etcd.url], `${etcd.url},127.0.0.1:1`]) {
      const registry = await plugin.create({ registry_address: address }, {});
      await registry.register(greeter(node(1)));
      expect([registry.name, ids(await registry.getService('greeter'))]).toEqual(['etcd', ['greeter-1']]);
      await registry.close();
    }
  });

  it.each([true, 7, 'not a host!'])('refuses the address %j', (address) => {
    expect(() => plugin.create({ registry_address: address }, {})).toThrow(expect.objectContaining({ code: 400 }));
  });
});

/** Takes connections, reads nothing and says nothing. */
async function silentServer(): Promise<{ readonly address: string } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  return {
    address: `127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
