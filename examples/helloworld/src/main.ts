import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createCmd } from '@micro/core';
import { helloworld } from './helloworld.js';
import { talk } from './talk.js';

// `npm start -- --registry=memory` and `MICRO_REGISTRY=memory npm start` say the same.
const { registry, registry_address: address } = createCmd({ name: 'helloworld' }).parse();
if (registry === 'memory') await inOneProcess();
else await inTwoProcesses();

/** The memory registry knows this process only, so the service calls itself. */
async function inOneProcess(): Promise<void> {
  await using service = await helloworld();
  await service.start();
  await talk(service.client);
}

/**
 * A server and a client that know nothing of each other but the name `helloworld`. Unless they are told where to meet, they
 * do so by mDNS that stays on this machine, on a port of its own where they meet nobody else.
 */
async function inTwoProcesses(): Promise<void> {
  const privately = { MICRO_REGISTRY_ADDRESS: `127.0.0.1:${await freePort()}` };
  const env = { ...process.env, ...(registry === undefined && address === undefined ? privately : {}) };
  const server = start('server.js', env);
  const client = start('client.js', env);
  function end(): void {
    client.kill();
    server.kill();
  }
  process.once('SIGINT', end).once('SIGTERM', end).once('exit', end);

  // Neither waits for the other longer than it lives.
  server.once('exit', () => client.kill());
  const clientCode = await exitCode(client);
  server.kill('SIGTERM');
  const serverCode = await exitCode(server);
  process.exitCode = clientCode === 0 && serverCode === 0 ? 0 : 1;
}

function start(program: string, env: NodeJS.ProcessEnv): ChildProcess {
  const path = fileURLToPath(new URL(program, import.meta.url));
  return spawn(process.execPath, [path, ...process.argv.slice(2)], { env, stdio: ['ignore', 'inherit', 'inherit'] });
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

/** A UDP port that nobody uses at the moment. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}
