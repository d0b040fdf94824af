import {
  type Auth,
  authHandler,
  createService,
  type Registry,
  type Rules,
  type Service,
  silentLogger,
} from '@micro/core';

/** A service that everybody may ask for its health, and that knows who calls everything else. */
export function greeter(registry: Registry, auth: Auth, rules: Rules): Service {
  let greeting = 'Hello';
  const service = createService({
    name: 'greeter',
    registry,
    logger: silentLogger(),
    server: {
      address: '127.0.0.1:0',
      middleware: [authHandler({ service: 'greeter', auth, rules, publicEndpoints: ['Greeter.Health'] })],
    },
  });

  service.server.handle('Greeter', {
    health: async () => ({ status: 'fine' }),
    hello: async (_request: unknown, ctx) => ({ msg: `${greeting} ${ctx.account?.id}` }),
    change: async (request: { greeting: string }, ctx) => {
      greeting = request.greeting;
      return { msg: `${ctx.account?.id} says ${greeting}` };
    },
  });

  return service;
}
