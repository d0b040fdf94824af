import assert from 'node:assert/strict';
import type { Header, Message } from '../contract/message.ts';
import type { DialOptions, Listener, Socket, Transport } from '../contract/transport.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { eventually, within } from './eventually.ts';

/** What a transport may be unable to do. Everything is supported unless it is said to be false. */
export interface TransportSupport {
  /** Refuses messages over a limit; `TransportWorld.maxMessageBytes` says which. */
  readonly oversize?: boolean | undefined;
  /** After the client has ended, the end of the server's side still reaches it (go-micro's HTTP/1.1 swallows it). */
  readonly endAfterEnd?: boolean | undefined;
}

/** One private universe of transports: what one of them listens at, the others can dial. */
export interface TransportWorld {
  create(): Transport | Promise<Transport>;
  /** Where a listener can be bound to a free port. Default `127.0.0.1:0`. */
  readonly address?: string | undefined;
  /** The limit of the transports that `create` makes. Default 1 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** What the registry would say about a node besides what its listener says. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly supports?: TransportSupport | undefined;
  /** Closes every transport that was made. */
  close(): void | Promise<void>;
}

type Case = (world: TransportWorld) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  'a message arrives as it was sent, and so does its answer': async (world) => {
    const pair = await connected(world, async (socket) => {
      const message = await socket.receive();
      assert.ok(message);
      assert.equal(fieldOf(message, 'Micro-Endpoint'), 'Greeter.Hello');
      assert.equal(fieldOf(message, 'Trace'), 'grüße, 世界');
      await socket.end({ header: REPLY, extra: header({ Echo: text(message) }), body: bytes('answer') });
    });
    const socket = pair.dial();
    await socket.send({ header: REQUEST, extra: header({ Trace: 'grüße, 世界' }), body: bytes('question') });
    const answer = await received(socket);
    assert.ok(answer);
    assert.equal(text(answer), 'answer');
    assert.equal(fieldOf(answer, 'Echo'), 'question');
    assert.equal(await received(socket), undefined);
  },

  'an empty body arrives empty, and a large one whole': async (world) => {
    const pair = await connected(world, echo);
    for (const size of [0, 1, 70_000, 1_000_000]) {
      const body = Buffer.alloc(size, 'abcdefghij');
      const socket = pair.dial();
      await socket.send({ header: REQUEST, body });
      const answer = await received(socket);
      assert.ok(answer);
      assert.ok(body.equals(answer.body), `${size} bytes came back as ${answer.body.length}`);
    }
  },

  'answers find their calls, in whatever order they are given': async (world) => {
    const waiting: Socket[] = [];
    const pair = await connected(world, (socket) => {
      waiting.push(socket);
      if (waiting.length < 50) return;
      for (const each of waiting.splice(0).reverse()) void echo(each);
    });
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const socket = pair.dial();
        await socket.send({ header: REQUEST, body: bytes(`call ${index}`) });
        assert.equal(text(await received(socket)), `call ${index}`);
      }),
    );
  },

  'a stream carries messages both ways at the same time, in order': async (world) => {
    const pair = await connected(world, async (socket) => {
      await socket.receive();
      for (let message = await socket.receive(); message !== undefined; message = await socket.receive()) {
        await socket.send({ header: REPLY, body: message.body });
        if (text(message) === '99') break;
      }
      await socket.end();
    });
    const socket = pair.dial({ stream: true });
    await socket.send(OPEN);
    const sending = (async () => {
      for (let index = 0; index < 100; index++) await socket.send({ header: REQUEST, body: bytes(String(index)) });
    })();
    for (let index = 0; index < 100; index++) assert.equal(text(await received(socket)), String(index));
    assert.equal(await received(socket), undefined);
    await sending;
  },

  'a client that has ended still gets what the server sends': async (world) => {
    const pair = await connected(world, async (socket) => {
      await socket.receive();
      let count = 0;
      while ((await socket.receive()) !== undefined) count += 1;
      await socket.send({ header: REPLY, body: bytes(`${count} messages`) });
      await socket.end();
    });
    const socket = pair.dial({ stream: true });
    await socket.send(OPEN);
    for (let index = 0; index < 5; index++) await socket.send({ header: REQUEST, body: bytes('x') });
    await socket.end();
    assert.equal(text(await received(socket)), '5 messages');
    if (world.supports?.endAfterEnd !== false) assert.equal(await received(socket), undefined);
    socket.close();
  },

  'a sender waits while the receiver takes nothing, and goes on when it does': async (world) => {
    let sent = 0;
    const total = 20_000;
    const pair = await connected(world, async (socket) => {
      await socket.receive();
      const body = Buffer.alloc(1_024);
      for (; sent < total; sent++) await socket.send({ header: REPLY, body });
      await socket.end();
    });
    const socket = pair.dial({ stream: true });
    await socket.send(OPEN);
    let before = -1;
    // The sender stands still once two looks find the same count.
    await eventually(
      () => {
        const same = sent > 0 && sent === before;
        before = sent;
        assert.ok(same, 'the sender never waits');
      },
      { everyMs: 100 },
    );
    assert.ok(sent < total, 'everything was sent to a receiver that takes nothing');
    let count = 0;
    while ((await received(socket)) !== undefined) count += 1;
    assert.equal(count, total);
  },

  'a slow stream holds up nobody else': async (world) => {
    const pair = await connected(world, async (socket) => {
      const first = await socket.receive();
      if (first !== undefined && text(first) === 'unary') return socket.end({ header: REPLY, body: first.body });
      const body = Buffer.alloc(16_384);
      for (let index = 0; index < 1_000; index++) await socket.send({ header: REPLY, body });
    });
    const slow = pair.dial({ stream: true });
    await slow.send(OPEN);
    await received(slow);
    const quick = pair.dial();
    await quick.send({ header: REQUEST, body: bytes('unary') });
    assert.equal(text(await received(quick)), 'unary');
    slow.close();
  },

  'a server learns that its client gave up': async (world) => {
    const closed: Error[] = [];
    let accepted = 0;
    const pair = await connected(world, (socket) => {
      accepted += 1;
      socket.onClose((reason) => closed.push(reason));
    });
    for (const stream of [false, true]) {
      const socket = pair.dial({ stream });
      await socket.send(stream ? OPEN : { header: REQUEST, body: bytes('x') });
      await eventually(() => assert.equal(accepted, stream ? 2 : 1));
      socket.close();
      await eventually(() => assert.equal(closed.length, stream ? 2 : 1));
      await fails(async () => socket.receive(), CODE.cancelled);
    }
  },

  'a client learns that the server gave up': async (world) => {
    const pair = await connected(world, async (socket) => {
      await socket.receive();
      socket.close(new MicroError({ detail: 'no more' }));
    });
    const socket = pair.dial({ stream: true });
    await socket.send(OPEN);
    await assert.rejects(async () => received(socket));
  },

  'a deadline ends the wait with 408, and the server learns of it': async (world) => {
    let closed = 0;
    const pair = await connected(world, (socket) => {
      socket.onClose(() => {
        closed += 1;
      });
    });
    // Long enough for the message to get there on a busy machine: a server learns only of what has reached it.
    const socket = pair.dial({ deadline: clock() + 1_000 });
    await socket.send({ header: REQUEST, body: bytes('x') });
    await fails(async () => received(socket), CODE.timeout);
    await eventually(() => assert.equal(closed, 1));
  },

  'nobody there is a 503 that says that nothing ran': async (world) => {
    const transport = await world.create();
    const listener = await transport.listen(world.address ?? '127.0.0.1:0', () => {});
    await listener.close();
    const socket = transport.dial(listener.address, { metadata: { ...world.metadata, ...listener.metadata } });
    const error = await fails(async () => {
      await socket.send({ header: REQUEST, body: bytes('x') });
      await received(socket);
    }, CODE.unavailable);
    assert.equal(error.unexecuted, true);
  },

  'a message over the limit is refused and the others go on': async (world) => {
    if (world.supports?.oversize === false) return;
    const pair = await connected(world, echo);
    const other = pair.dial();
    const large = pair.dial();
    await other.send({ header: REQUEST, body: bytes('small') });
    await fails(async () => {
      await large.send({ header: REQUEST, body: Buffer.alloc((world.maxMessageBytes ?? 1_048_576) + 1) });
      const answer = await received(large);
      // Where the limit is found by the server alone, its answer is an error message.
      if (answer !== undefined && fieldOf(answer, 'Micro-Error') !== undefined)
        throw new MicroError({ code: CODE.tooLarge, detail: '' });
    }, CODE.tooLarge);
    assert.equal(text(await received(other)), 'small');
    const next = pair.dial();
    await next.send({ header: REQUEST, body: bytes('next') });
    assert.equal(text(await received(next)), 'next');
  },

  'a listener that drains finishes what is open and takes nothing new': async (world) => {
    const accepted: Socket[] = [];
    const pair = await connected(world, (socket) => {
      accepted.push(socket);
    });
    const open = pair.dial();
    await open.send({ header: REQUEST, body: bytes('open') });
    await eventually(() => assert.equal(accepted.length, 1));
    pair.listener.drain();
    await refused(pair);
    assert.equal(accepted.length, 1);
    await echo(accepted[0] as Socket);
    assert.equal(text(await received(open)), 'open');
  },

  'closing a listener ends what is open, and can be done twice': async (world) => {
    const closed: Error[] = [];
    let accepted = 0;
    const pair = await connected(world, (socket) => {
      accepted += 1;
      socket.onClose((reason) => closed.push(reason));
    });
    const socket = pair.dial();
    await socket.send({ header: REQUEST, body: bytes('x') });
    await eventually(() => assert.equal(accepted, 1));
    await Promise.all([pair.listener.close(), pair.listener.close()]);
    await pair.listener.close();
    await fails(async () => received(socket), CODE.unavailable);
    await eventually(() => assert.equal(closed.length, 1));
  },

  'closing a transport ends the exchanges it opened': async (world) => {
    let closed = 0;
    let accepted = 0;
    const pair = await connected(world, (socket) => {
      accepted += 1;
      socket.onClose(() => {
        closed += 1;
      });
    });
    const sockets = [pair.dial(), pair.dial({ stream: true })];
    for (const socket of sockets) await socket.send(OPEN);
    await eventually(() => assert.equal(accepted, 2));
    await pair.client.close();
    for (const socket of sockets) await assert.rejects(async () => received(socket));
    await eventually(() => assert.equal(closed, 2));
  },

  'an address that is taken is a conflict': async (world) => {
    const transport = await world.create();
    const listener = await transport.listen(world.address ?? '127.0.0.1:0', () => {});
    await fails(() => transport.listen(listener.address, () => {}), CODE.conflict);
    await listener.close();
  },

  'a port range takes the first free port of it': async (world) => {
    const transport = await world.create();
    const first = await transport.listen(world.address ?? '127.0.0.1:0', () => {});
    const port = Number(first.address.slice(first.address.lastIndexOf(':') + 1));
    const host = first.address.slice(0, first.address.lastIndexOf(':'));
    const second = await transport.listen(`${host}:${port}-${Math.min(65_535, port + 50)}`, () => {});
    assert.notEqual(second.address, first.address);
    await first.close();
    await second.close();
  },

  'the two sides of an exchange know each other by address': async (world) => {
    const seen: string[] = [];
    const pair = await connected(world, async (socket) => {
      seen.push(socket.remote, socket.local);
      await echo(socket);
    });
    const socket = pair.dial();
    await socket.send({ header: REQUEST, body: bytes('x') });
    await received(socket);
    assert.equal(socket.remote, pair.listener.address);
    assert.ok(
      seen.every((address) => /:\d+$/.test(address)),
      seen.join(),
    );
  },
};

/** What every transport has to do. */
export const transportCases: Readonly<Record<string, Case>> = Object.fromEntries(
  Object.entries(CASES).map(([name, run]) => [name, closing(run)]),
);

/** The case, which leaves no listener behind: a runner that runs cases in its own process waits for what is open in it. */
function closing(run: Case): Case {
  return async (world) => {
    const listeners: Listener[] = [];
    const create = async (): Promise<Transport> => {
      const transport = await world.create();
      const listen: Transport['listen'] = async (...given) => {
        const listener = await transport.listen(...given);
        listeners.push(listener);
        return listener;
      };
      return Object.create(transport, { listen: { value: listen } });
    };
    try {
      await run(Object.create(world, { create: { value: create } }));
    } finally {
      await within('closing the listeners', Promise.all(listeners.map((listener) => listener.close())), 10_000);
    }
  };
}

interface Pair {
  readonly client: Transport;
  readonly listener: Listener;
  dial(options?: DialOptions): Socket;
}

/** A listener of one transport, and another transport that dials it. */
async function connected(world: TransportWorld, serve: (socket: Socket) => unknown): Promise<Pair> {
  const server = await world.create();
  const client = await world.create();
  const listener = await server.listen(world.address ?? '127.0.0.1:0', (socket) => {
    Promise.resolve(serve(socket)).catch(() => {
      // What a client does to a server's socket is what the cases look at; the server's own view of it is not.
    });
  });
  const metadata = { ...world.metadata, ...listener.metadata };
  return { client, listener, dial: (options = {}) => client.dial(listener.address, { metadata, ...options }) };
}

async function echo(socket: Socket): Promise<void> {
  const message = await socket.receive();
  if (message !== undefined) await socket.end({ header: REPLY, body: message.body });
}

/** A new exchange is not accepted: it fails as not executed, or its answer is an error. */
async function refused(pair: Pair): Promise<void> {
  const socket = pair.dial({ deadline: clock() + 5_000 });
  try {
    await socket.send({ header: REQUEST, body: bytes('new') });
    const answer = await received(socket);
    assert.ok(
      answer !== undefined && fieldOf(answer, 'Micro-Error') !== undefined,
      'a draining listener took a new exchange',
    );
  } catch (error) {
    assert.ok(error instanceof MicroError, String(error));
    assert.equal(error.unexecuted, true, error.detail);
  }
}

async function fails(run: () => unknown, code: number): Promise<MicroError> {
  let thrown: unknown;
  try {
    await run();
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof MicroError, `expected an error with code ${code}, got ${String(thrown)}`);
  assert.equal(thrown.code, code, thrown.detail);
  return thrown;
}

function received(socket: Socket): Promise<Message | undefined> {
  return within('receiving', Promise.resolve(socket.receive()), 10_000);
}

function clock(): number {
  return performance.timeOrigin + performance.now();
}

function header(fields: Readonly<Record<string, string>>): Header {
  return Object.freeze(Object.assign(Object.create(null), fields));
}

function fieldOf(message: Message, name: string): string | undefined {
  return message.extra?.[name] ?? message.header[name];
}

function bytes(value: string): Uint8Array {
  return Buffer.from(value);
}

function text(message: Message | undefined): string {
  assert.ok(message, 'the exchange ended without a message');
  return Buffer.from(message.body).toString();
}

const REQUEST = header({
  'Content-Type': 'application/json',
  'Micro-Service': 'greeter',
  'Micro-Endpoint': 'Greeter.Hello',
});
const REPLY = header({ 'Content-Type': 'application/json' });
const OPEN: Message = { header: REQUEST, body: new Uint8Array(0) };
