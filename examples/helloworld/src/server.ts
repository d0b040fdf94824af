import { helloworld } from './helloworld.js';
import { exampleRegistry } from './registry.js';

// Starts, registers and serves; on SIGTERM it drains, deregisters and ends.
await helloworld(exampleRegistry()).run();
