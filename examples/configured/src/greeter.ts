import { type Config, createService, memoryRegistry, type Service } from '@micro/core';

/** A service that greets as its settings say at the moment. */
export function greeter(config: Config): Service {
  const address = config.get('server', 'address').string();
  const service = createService({ name: 'greeter', registry: memoryRegistry(), server: { address } });

  service.server.handle('Greeter', {
    async hello({ name }: { name: string }) {
      return { msg: `${config.get('greeting').string()} ${name}${config.get('end').string('!')}` };
    },
  });

  return service;
}
