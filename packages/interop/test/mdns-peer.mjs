// A service of ours in a process of its own, so that it can live in another network namespace. It speaks JSON lines like
// the Go program: it says its address when it is ready, and calls or looks up what it is told on stdin.
import { createInterface } from 'node:readline';
import { createService, mdnsRegistry, silentLogger } from '@micro/core';

const [name, address] = process.argv.slice(2);
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const registry = mdnsRegistry();
const service = createService({ name, registry, logger: silentLogger(), server: { address }, handleSignals: false });
service.server.handle('Peer', { hello: ({ name }) => ({ msg: `Hi ${name}` }) });
await service.start();
say({ address: service.server.address });

const ended = new AbortController();
void (async () => {
  try {
    for await (const event of registry.watch({ signal: ended.signal })) say({ event });
  } catch (error) {
    if (!ended.signal.aborted) say({ watchFailed: String(error) });
  }
})();

for await (const line of createInterface({ input: process.stdin })) {
  const { id, lookUp, call } = JSON.parse(line);
  try {
    say({ id, result: lookUp === undefined ? await service.client.call(call) : await registry.getService(lookUp) });
  } catch (error) {
    say({ id, error: String(error) });
  }
}
ended.abort();
await service.stop();
