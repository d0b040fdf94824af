import { CODE, initService, MicroError } from '@micro/core';
import { talk } from './talk.js';

await using service = await initService({ name: 'helloworld-client' });

// The server may have been started in the same moment as this client: it is asked how it is until it is found.
await service.client.call(
  { service: 'helloworld', endpoint: 'Debug.Health' },
  {
    timeoutMs: 10_000,
    retries: 1_000,
    retry: (error) => error instanceof MicroError && error.code === CODE.notFound,
    backoff: () => 50,
  },
);

await talk(service.client);
