import { createSocket, Socket as DgramSocket, type Socket } from 'node:dgram';
import { hostname } from 'node:os';
import { type Answer, decode, encode, type Question, type RecordType } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Logger } from '../../src/contract/logger.ts';
import type { Registry, RegistryEvent, ServiceRecord } from '../../src/contract/registry.ts';
import { CODE } from '../../src/error/code.ts';
import type { MdnsRegistryOptions } from '../../src/registry/mdns-options.ts';
import { mdnsRegistry } from '../../src/registry/mdns-registry.ts';
import { encodeText } from '../../src/registry/mdns-text.ts';

const GROUP = '224.0.0.251';
const LOOPBACK = '127.0.0.1';

/** Packets as a peer with sockets of its own sees them. */
interface Peer {
  readonly packets: Buffer[];
  readonly socket: Socket;
  /** Asks the group, from an ephemeral port, and collects what comes back. */
  ask(questions: Question[], id?: number): Promise<void>;
  send(packet: Buffer): Promise<void>;
}

describe('mdnsRegistry on the wire', () => {
  let port = 0;
  const opened: { close(): unknown }[] = [];

  /** A socket: on a port of its own, or one that hears the group. */
  const peer = async (listens = false): Promise<Peer> => {
    const socket = createSocket({ type: 'udp4', reuseAddr: listens });
    opened.push(socket);
    await new Promise<void>((resolve) => socket.bind({ port: listens ? port : 0, address: '0.0.0.0' }, resolve));
    if (listens) socket.addMembership(GROUP, LOOPBACK);
    socket.setMulticastInterface(LOOPBACK);
    socket.setMulticastLoopback(true);
    const packets: Buffer[] = [];
    socket.on('message', (packet) => packets.push(packet));
    const send = (packet: Buffer) =>
      new Promise<void>((resolve, reject) => {
        socket.send(packet, port, GROUP, (error) => (error ? reject(error) : resolve()));
      });
    return { packets, socket, send, ask: (questions, id = 0) => send(encode({ type: 'query', id, questions })) };
  };

  const make = (options: MdnsRegistryOptions = {}): Registry => {
    const registry = mdnsRegistry({ interface: LOOPBACK, port, ...options });
    opened.push(registry);
    return registry;
  };

  const watch = (registry: Registry, service?: string): RegistryEvent[] => {
    const events: RegistryEvent[] = [];
    const follow = async () => {
      for await (const event of registry.watch({ service })) events.push(event);
    };
    follow().catch(() => {});
    return events;
  };
  const told = (events: readonly RegistryEvent[]) =>
    events.map(({ action, service }) => `${action} ${service.nodes[0]?.id} ${service.nodes[0]?.address}`);

  beforeEach(async () => {
    // A port that nobody else here has, so that each test is among itself.
    const probe = createSocket('udp4');
    await new Promise<void>((resolve) => probe.bind({ port: 0, address: LOOPBACK }, resolve));
    port = probe.address().port;
    await new Promise<void>((resolve) => probe.close(() => resolve()));
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const one of opened.splice(0).reverse()) await one.close();
  });

  it('answers a question of Go with one unicast packet per node: question copied, id 0, PTR, SRV, A, TXT', async () => {
    await make().register(record('greeter', '10.0.0.1:8001', '10.0.0.2:8002'));
    const go = await peer();
    await go.ask([{ name: 'greeter.micro', type: 'PTR', class: 'IN' }], 4_711);
    await eventually(() => expect(go.packets).toHaveLength(2));
    for (const packet of go.packets) {
      const number = packet.includes('greeter-2') ? 2 : 1;
      const name = `greeter-${number}.greeter.micro`;
      const text = encodeText({ service: 'greeter', version: '1', endpoints: [], metadata: { protocol: 'mucp' } });
      expect(packet.subarray(0, 12).toString('hex')).toBe('000084000001000400000000');
      const answer = decode(packet);
      expect(answer.questions).toEqual([{ name: 'greeter.micro', type: 'PTR', class: 'IN' }]);
      const common = { ttl: 120, class: 'IN', flush: false };
      expect(answer.answers).toEqual([
        { ...common, type: 'PTR', name: 'greeter.micro', data: name },
        { ...common, type: 'SRV', name, data: { priority: 10, weight: 1, port: 8_000 + number, target: hostname() } },
        { ...common, type: 'A', name: hostname(), data: `10.0.0.${number}` },
        { ...common, type: 'TXT', name, data: text },
      ]);
    }
  });

  it('answers what else DNS-SD asks: the node, its records one by one, the host, and the list of services', async () => {
    await make().register(record('greeter', '[2001:db8::1]:8001'));
    const name = 'greeter-1.greeter.micro';
    const types = async (question: string, type: string): Promise<string> => {
      const asker = await peer();
      await asker.ask([{ name: question, type: type as RecordType, class: 'IN' }]);
      await asker.ask([{ name: '_services._dns-sd._udp.micro', type: 'PTR', class: 'IN' }]);
      // That last question has two answers, after which no other comes.
      await eventually(() => expect(asker.packets.length).toBeGreaterThanOrEqual(2));
      const packets = asker.packets.map((packet) => decode(packet));
      const others = packets.filter(({ questions }) => questions?.[0]?.name === question);
      return others.map(({ answers = [] }) => answers.map((answer) => answer.type).join()).join(' ');
    };
    expect(await types('greeter.micro', 'ANY')).toBe('PTR,SRV,AAAA,TXT');
    expect(await types('greeter.micro', 'SRV')).toBe('');
    expect(await types(name, 'ANY')).toBe('SRV,AAAA,TXT');
    expect(await types(name, 'SRV')).toBe('SRV,AAAA');
    expect(await types(name, 'TXT')).toBe('TXT');
    expect(await types(name, 'AAAA')).toBe('AAAA');
    expect(await types(name, 'A')).toBe('');
    expect(await types(name, 'PTR')).toBe('');
    expect(await types(hostname(), 'AAAA')).toBe('AAAA');
    expect(await types('_services.micro', 'PTR')).toBe('PTR,SRV,A,TXT');
    expect(await types('greeter._services.micro', 'SRV')).toBe('SRV,A');
    expect(await types('Greeter.micro', 'PTR')).toBe('');
    expect(await types('micro', 'ANY')).toBe('');
  });

  it('lists a service as Go does: port 9999 at 0.0.0.0, with a TXT record of no length', async () => {
    await make().register(record('greeter', '10.0.0.1:8001'));
    const asker = await peer();
    await asker.ask([{ name: '_services.micro', type: 'PTR', class: 'IN' }]);
    await eventually(() => expect(asker.packets).toHaveLength(1));
    expect(decode(asker.packets[0] as Buffer).answers).toMatchObject([
      { type: 'PTR', name: '_services.micro', data: 'greeter._services.micro' },
      { type: 'SRV', name: 'greeter._services.micro', data: { port: 9_999, target: hostname() } },
      { type: 'A', data: '0.0.0.0' },
      { type: 'TXT', name: 'greeter._services.micro', data: [] },
    ]);
  });

  it('announces a node at once, after 1 s and after 3 s, without a question, and says goodbye with ttl 0', async () => {
    const go = await peer(true);
    const registry = make();
    const begun = performance.now();
    const times: number[] = [];
    go.socket.on('message', () => times.push(performance.now() - begun));
    await registry.register(record('greeter', '10.0.0.1:8001'));
    await eventually(() => expect(go.packets).toHaveLength(3), { timeoutMs: 15_000 });
    for (const [index, due] of [0, 1_000, 3_000].entries()) {
      expect(times[index]).toBeGreaterThan(due - 50);
      expect(times[index]).toBeLessThan(due + 3_000);
    }
    await registry.deregister(record('greeter', '10.0.0.1:8001'));
    await eventually(() => expect(go.packets).toHaveLength(4));
    for (const [index, packet] of go.packets.entries()) {
      expect(packet.subarray(0, 12).toString('hex')).toBe('000080000000000300000000');
      const { answers = [] } = decode(packet);
      expect(answers.map(({ type }) => type)).toEqual(['SRV', 'A', 'TXT']);
      expect(answers.map((answer) => ('ttl' in answer ? answer.ttl : undefined))).toEqual(
        Array(3).fill(index === 3 ? 0 : 120),
      );
    }
  });

  it('stays silent to a response that has a question, and to questions about what it does not have', async () => {
    await make().register(record('greeter', '10.0.0.1:8001'));
    const go = await peer();
    await go.send(encode({ type: 'response', questions: [{ name: 'greeter.micro', type: 'PTR', class: 'IN' }] }));
    await go.ask([{ name: 'other.micro', type: 'PTR', class: 'IN' }]);
    await go.ask([{ name: '_services.micro', type: 'PTR', class: 'IN' }]);
    await eventually(() => expect(go.packets).toHaveLength(1));
    expect(decode(go.packets[0] as Buffer).questions?.[0]?.name).toBe('_services.micro');
  });

  it('finds a Go node, whose answers come twice, and takes the whole time a lookup has', async () => {
    const go = await peer(true);
    go.socket.on('message', (packet, from) => {
      const { questions = [], type } = decode(packet);
      if (type !== 'query' || questions[0]?.name !== 'greeter.micro') return;
      const answers: Answer[] = [
        { type: 'PTR', name: 'greeter.micro', ttl: 120, data: GO_NODE },
        ...goRecords('10.0.0.9', 9_001),
      ];
      for (let copy = 0; copy < 2; copy++)
        go.socket.send(encode({ type: 'response', flags: 0x400, questions, answers }), from.port, from.address);
    });
    const begun = performance.now();
    const records = await make().getService('greeter');
    expect(performance.now() - begun).toBeGreaterThan(98);
    expect(records).toMatchObject([
      { name: 'greeter', version: 'latest', nodes: [{ id: 'greeter-go', address: '10.0.0.9:9001' }] },
    ]);
    expect({ ...records[0]?.nodes[0]?.metadata }).toEqual({ protocol: 'mucp' });
  });

  it('asks as Go does: a PTR question of class IN, id 0, no flags', async () => {
    const go = await peer(true);
    await make().getService('greeter');
    expect(go.packets.map((packet) => packet.toString('hex'))).toEqual([
      `000000000001000000000000${Buffer.from('\u0007greeter\u0005micro\u0000').toString('hex')}000c0001`,
    ]);
  });

  it('reports a Go node once however often it is announced, its change, and its goodbye', async () => {
    const go = await peer();
    const events = watch(make(), 'greeter');
    const announce = (ttl: number, nodePort = 9_001) =>
      go.send(encode({ type: 'response', answers: goRecords('10.0.0.9', nodePort, ttl) }));
    await eventually(async () => {
      await announce(120);
      expect(told(events)).toEqual(['create greeter-go 10.0.0.9:9001']);
    });
    for (let copy = 0; copy < 3; copy++) await announce(120);
    await announce(120, 9_002);
    await announce(0, 9_002);
    await eventually(() =>
      expect(told(events)).toEqual([
        'create greeter-go 10.0.0.9:9001',
        'update greeter-go 10.0.0.9:9002',
        'delete greeter-go 10.0.0.9:9002',
      ]),
    );
  });

  it('reports a node as gone when its record ends and nothing more is heard of it', async () => {
    const go = await peer();
    const events = watch(make(), 'greeter');
    await eventually(async () => {
      await go.send(encode({ type: 'response', answers: goRecords('10.0.0.9', 9_001, 1) }));
      expect(events).toHaveLength(1);
    });
    await eventually(() => expect(told(events)[1]).toBe('delete greeter-go 10.0.0.9:9001'));
  });

  it('tells a watcher that comes late what is there, also when it watches all services', async () => {
    const registry = make();
    await registry.register(record('greeter', '10.0.0.1:8001'));
    await registry.register(record('other', '10.0.0.2:8002'));
    const one = watch(make(), 'greeter');
    const all = watch(make());
    await eventually(() => expect(told(one)).toEqual(['create greeter-1 10.0.0.1:8001']));
    await eventually(() =>
      expect(told(all).sort()).toEqual(['create greeter-1 10.0.0.1:8001', 'create other-1 10.0.0.2:8002']),
    );
  });

  it('goes on finding a watched node that is too busy to answer, until its goodbye', async () => {
    const go = await peer();
    const registry = make();
    const events = watch(registry, 'greeter');
    await eventually(async () => {
      await go.send(encode({ type: 'response', answers: goRecords('10.0.0.9', 9_001) }));
      expect(events).toHaveLength(1);
    });
    expect(await registry.getService('greeter')).toMatchObject([{ nodes: [{ id: 'greeter-go' }] }]);
    await go.send(encode({ type: 'response', answers: goRecords('10.0.0.9', 9_001, 0) }));
    await eventually(async () => expect(await registry.getService('greeter')).toEqual([]));
  });

  it('announces a renewed node again only when half of its time is over, and a changed one at once', async () => {
    const go = await peer(true);
    const registry = make();
    const long = { ttlMs: 600_000 };
    for (let times = 0; times < 5; times++) await registry.register(record('greeter', '10.0.0.1:8001'), long);
    await registry.register(record('greeter', '10.0.0.1:8002'), long);
    await registry.deregister(record('greeter', '10.0.0.1:8002'));
    const ports = () =>
      go.packets.map((packet) => {
        const [first] = decode(packet).answers ?? [];
        return first?.type === 'SRV' ? `${first.data.port} ${first.ttl}` : first;
      });
    await eventually(() => expect(ports()).toEqual(['8001 120', '8002 120', '8002 0']));

    // The three announcements of a new node are over after 3 s; what comes then comes from renewing it.
    await eventually(
      async () => {
        await registry.register(record('greeter', '10.0.0.1:8003'), { ttlMs: 2_000 });
        expect(ports().slice(3)).toEqual(Array(6).fill('8003 2'));
      },
      { timeoutMs: 15_000, everyMs: 100 },
    );
  });

  it('takes any packet without harm', async () => {
    const registry = make();
    await registry.register(record('greeter', '10.0.0.1:8001'));
    const events = watch(registry);
    const hostile = await peer();
    const bomb = Array.from({ length: 250 }, () => Buffer.alloc(255, '00'));
    const packets = [
      Buffer.alloc(0),
      Buffer.from([0x84]),
      Buffer.alloc(12, 0xff),
      Buffer.from('000084000000ffff00000000c00c', 'hex'),
      Buffer.from('0000000000010000000000003f', 'hex'),
      encode({
        type: 'response',
        answers: [{ type: 'SRV', name: 'x.greeter.micro', ttl: 9, data: { port: 0, target: 'h' } }],
      }),
      encode({ type: 'response', answers: [{ type: 'TXT', name: 'x.greeter.micro', ttl: 9, data: bomb }] }),
      encode({
        type: 'response',
        answers: [{ type: 'SRV', name: 'a b._services.micro', ttl: 9, data: { port: 1, target: 'h' } }],
      }),
    ];
    for (const packet of packets) await hostile.send(packet);
    expect(await registry.getService('greeter')).toMatchObject([{ nodes: [{ id: 'greeter-1' }] }]);
    expect(await registry.listServices()).toEqual(['greeter']);
    expect(told(events)).toEqual(['create greeter-1 10.0.0.1:8001']);
  });

  it('refuses what Go could not read back, and registers none of it', async () => {
    const registry = make();
    const go = await peer(true);
    const refused: [ServiceRecord, RegExp][] = [
      [
        record('greeter', 'localhost:8001'),
        /'localhost:8001', the address of greeter-1; it needs an ip address and a port/,
      ],
      [record('greeter', '10.0.0.1:0'), /needs an ip address and a port/],
      [record('greeter', '10.0.0.1'), /needs an ip address and a port/],
      [record('greeter', '10.0.0.1:65536'), /needs an ip address and a port/],
      [
        record('hello world', '10.0.0.1:8001'),
        /the service 'hello world' cannot be announced .* 'hello world' has characters/,
      ],
      [record('größe', '10.0.0.1:8001'), /has characters other than/],
      [record('a..b', '10.0.0.1:8001'), /two in a row/],
      [record('x'.repeat(64), '10.0.0.1:8001'), /longer than 63 bytes/],
      [record('x'.repeat(60), '10.0.0.1:8001', '10.0.0.2:8002'), /^$/],
      [record(Array(5).fill('x'.repeat(50)).join('.'), '10.0.0.1:8001'), /at most 255 bytes/],
      [record('_services', '10.0.0.1:8001'), /the list of services/],
      [record('greeter', '10.0.0.1:8001', 'nowhere'), /'nowhere', the address of greeter-2/],
    ];
    for (const [bad, reason] of refused) {
      if (reason.source === '^$') await registry.register(bad);
      else
        await expect(registry.register(bad)).rejects.toMatchObject({
          code: CODE.badRequest,
          detail: expect.stringMatching(reason),
        });
    }
    const bulky = record('greeter', '10.0.0.1:8001');
    const noise = Array.from({ length: 40_000 }, () => Math.random().toString(36).slice(2, 5)).join('');
    const metadata = { noise };
    await expect(
      registry.register({ ...bulky, nodes: [{ id: 'greeter-1', address: '10.0.0.1:8001', metadata }] }),
    ).rejects.toMatchObject({ code: CODE.tooLarge, detail: expect.stringContaining('a datagram holds 65507') });
    await go.ask([{ name: 'greeter.micro', type: 'PTR', class: 'IN' }]);
    expect(await registry.getService('greeter')).toEqual([]);
    expect(await registry.getService('hello world')).toEqual([]);
  });

  it('says in one sentence what to use where multicast cannot work', async () => {
    const registry = make({ interface: '192.0.2.254' });
    const alternatives = expect.stringMatching(
      /^mdns cannot work here: .*192\.0\.2\.254.*memoryRegistry\(\).*@micro\/registry-etcd.*by address$/,
    );
    await expect(registry.getService('greeter')).rejects.toMatchObject({
      code: CODE.unavailable,
      detail: alternatives,
    });
    await expect(registry.register(record('greeter', '10.0.0.1:8001'))).rejects.toMatchObject({
      code: CODE.unavailable,
    });
    await expect(registry.watch()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: CODE.unavailable });
  });

  it('warns once when what it sends does not come back, and not where multicast works', async () => {
    const lines: string[] = [];
    const logger: Logger = {
      name: 'lines',
      enabled: () => true,
      log: (level, message) => void lines.push(`${level} ${message}`),
      logf: () => {},
      fields: () => logger,
    };
    const sound = make({ logger, timeoutMs: 1_200 });
    await sound.getService('greeter');
    expect(lines).toEqual([]);

    const swallowed = vi.spyOn(DgramSocket.prototype, 'send').mockImplementation((...args: unknown[]) => {
      const callback = args.at(-1);
      if (typeof callback === 'function') callback(null, 0);
    });
    const deaf = make({ logger });
    await deaf.getService('greeter');
    await deaf.getService('greeter');
    await eventually(() => expect(lines).toHaveLength(1));
    swallowed.mockRestore();
    expect(lines[0]).toMatch(
      /^warn mdns cannot work here: what is sent to the multicast group does not come back; use memoryRegistry/,
    );
  });

  it('says goodbye for everything when it is closed, and gives its port back', async () => {
    const registry = make();
    await registry.register(record('greeter', '10.0.0.1:8001', '10.0.0.2:8002'));
    const events = watch(make(), 'greeter');
    await eventually(() => expect(events).toHaveLength(2));
    await registry.close();
    await eventually(() => expect(told(events).filter((event) => event.startsWith('delete'))).toHaveLength(2));
    await expect(registry.getService('greeter')).rejects.toMatchObject({ code: CODE.unavailable });
    await expect(registry.register(record('greeter', '10.0.0.1:8001'))).rejects.toMatchObject({
      code: CODE.unavailable,
    });
    await registry.deregister(record('greeter', '10.0.0.1:8001'));
    for (const one of opened.splice(0)) await one.close();
    const alone = createSocket({ type: 'udp4', reuseAddr: false });
    opened.push(alone);
    await new Promise<void>((resolve, reject) => {
      alone.once('error', reject);
      alone.bind({ port, address: '0.0.0.0', exclusive: true }, resolve);
    });
  });

  it('opens nothing before it is used', async () => {
    make();
    const alone = createSocket({ type: 'udp4', reuseAddr: false });
    opened.push(alone);
    await new Promise<void>((resolve, reject) => {
      alone.once('error', reject);
      alone.bind({ port, address: '0.0.0.0', exclusive: true }, resolve);
    });
  });
});

const GO_NODE = 'greeter-go.greeter.micro';

/** What a Go node says of itself: a host name without the domain. */
function goRecords(ip: string, port: number, ttl = 120): Answer[] {
  const text = encodeText({ service: 'greeter', version: 'latest', endpoints: [], metadata: { protocol: 'mucp' } });
  return [
    { type: 'SRV', name: GO_NODE, ttl, data: { priority: 10, weight: 1, port, target: 'gohost' } },
    { type: 'A', name: 'gohost', ttl, data: ip },
    { type: 'TXT', name: GO_NODE, ttl, data: text },
  ];
}

function record(name: string, ...addresses: string[]): ServiceRecord {
  const nodes = addresses.map((address, index) => ({
    id: `${name.slice(-40)}-${index + 1}`,
    address,
    metadata: { protocol: 'mucp' },
  }));
  return { name, version: '1', metadata: {}, endpoints: [], nodes };
}
