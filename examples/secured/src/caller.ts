import {
  type Auth,
  authCall,
  type Client,
  createService,
  MicroError,
  type Registry,
  type Service,
  silentLogger,
} from '@micro/core';

/** A service that calls others in the name of an account: `authCall` gets a token, sends it, and renews it in time. */
export function caller(registry: Registry, auth: Auth, id: string, secret: string | undefined): Service {
  return createService({
    name: id,
    registry,
    logger: silentLogger(),
    client: { middleware: [authCall({ auth, id, secret })] },
  });
}

/** Calls an endpoint of the greeter, and says what it answered or why it refused. */
export async function ask(client: Client, endpoint: string, body: object = {}, token?: string): Promise<string> {
  try {
    const metadata = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await client.call({ service: 'greeter', endpoint: `Greeter.${endpoint}`, body }, { metadata });
    return JSON.stringify(answer);
  } catch (error) {
    if (error instanceof MicroError) return `${error.code} ${error.detail}`;
    throw error;
  }
}
