// A service of ours in a process of its own, so that it can live in another network namespace. It speaks JSON lines like
// the Go program: it says its address when it is ready, and does what it is told on stdin.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { createService, mdnsRegistry, silentLogger } from '@micro/core';

const [name, address] = process.argv.slice(2);
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const registry = mdnsRegistry();
const id = randomUUID();
const node = `${name}-${id}`;
const service = createService({
  name,
  id,
  registry,
  logger: silentLogger(),
  server: { address },
  handleSignals: false,
});
service.server.handle('Peer', { hello: ({ name }) => ({ msg: `Hi ${name}` }) });
service.server.handle('Plain', {
  async who({ ms = 0 }) {
    await sleep(ms);
    return { node };
  },
});
await service.start();
const { broker } = service.components;
const ended = new AbortController();
let load;

const commands = {
  lookUp: ({ service: name }) => registry.getService(name),
  list: () => registry.listServices(),
  register: ({ record, ttlMs }) => registry.register(record, { ttlMs }),
  deregister: ({ record }) => registry.deregister(record),
  call: ({ request, options }) => service.client.call(request, options),
  watch(_, tell) {
    void (async () => {
      try {
        for await (const event of registry.watch({ signal: ended.signal })) tell(event);
      } catch (error) {
        if (!ended.signal.aborted) tell({ action: 'failed', service: { name: String(error), nodes: [] } });
      }
    })();
  },
  async subscribe({ topic, queue }, tell) {
    await broker.connect();
    const handle = ({ message }) =>
      tell({ header: message.header, body: Buffer.from(message.body).toString('base64') });
    await broker.subscribe(topic, handle, { queue });
  },
  publish: ({ topic, message, options }) => service.client.publish(topic, message, options),
  // Calls until it is told to stop, so many at a time, and counts who answered.
  startCalls({ request, concurrency }) {
    load = { calls: 0, nodes: {}, errors: [], stop: false };
    const worker = async () => {
      while (!load.stop) {
        load.calls++;
        try {
          const { node } = await service.client.call(request);
          load.nodes[node] = (load.nodes[node] ?? 0) + 1;
        } catch (error) {
          load.errors.push(String(error));
        }
      }
    };
    load.done = Promise.all(Array.from({ length: concurrency }, worker));
  },
  countCalls: () => ({ calls: load.calls, nodes: load.nodes, errors: load.errors }),
  async stopCalls() {
    load.stop = true;
    await load.done;
    return commands.countCalls();
  },
};

say({ address: service.server.address, node });
for await (const line of createInterface({ input: process.stdin })) {
  const { id, command, ...rest } = JSON.parse(line);
  // Not waited for: a long call must not hold up what comes after it.
  void (async () => {
    try {
      say({ id, done: true, result: await commands[command](rest, (event) => say({ id, event })) });
    } catch (error) {
      say({ id, done: true, error: { text: String(error) } });
    }
  })();
}
ended.abort();
await service.stop();
