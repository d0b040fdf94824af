import { helloworld } from './helloworld.js';

// Starts, registers and serves; on SIGTERM it drains, deregisters and ends.
const service = await helloworld();
await service.run();
