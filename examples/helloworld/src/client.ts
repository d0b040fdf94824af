import { setTimeout } from 'node:timers/promises';
import { createService } from '@micro/core';
import { exampleRegistry } from './registry.js';
import { talk } from './talk.js';

const registry = exampleRegistry();
await using service = createService({ name: 'helloworld-client', registry });

// The server may have been started in the same moment as this client.
const deadline = Date.now() + 10_000;
while ((await registry.getService('helloworld')).length === 0 && Date.now() < deadline) await setTimeout(50);

await talk(service.client);
