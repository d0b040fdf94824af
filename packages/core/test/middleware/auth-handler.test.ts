import { afterEach, describe, expect, it } from 'vitest';
import { memoryAuth } from '../../src/auth/memory-auth.ts';
import { noopAuth } from '../../src/auth/noop-auth.ts';
import { memoryRules } from '../../src/auth/rules.ts';
import type { Auth, Rule, Rules } from '../../src/contract/auth.ts';
import type { Context } from '../../src/contract/context.ts';
import type { Middleware, Request } from '../../src/contract/middleware.ts';
import { CODE } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { authCall } from '../../src/middleware/auth-call.ts';
import { type AuthHandlerOptions, authHandler } from '../../src/middleware/auth-handler.ts';
import { bidiStream, clientStream, defineService, serverStream, unary } from '../../src/rpc/define-service.ts';
import { createWorld, TRANSPORTS } from '../service/world.ts';

interface Text {
  readonly text: string;
}

const Greeter = defineService('Greeter', {
  hello: unary<Text, Text>(),
  count: clientStream<Text, Text>(),
  repeat: serverStream<Text, Text>(),
  echo: bidiStream<Text, Text>(),
});

const who = (ctx: Context): string => ctx.account?.id ?? 'nobody';

const HANDLERS = {
  hello: async ({ text }: Text, ctx: Context) => ({ text: `${text} ${who(ctx)}` }),
  async count(requests: AsyncIterable<Text>, ctx: Context) {
    let count = 0;
    for await (const _ of requests) count++;
    return { text: `${count} ${who(ctx)}` };
  },
  async *repeat({ text }: Text, ctx: Context) {
    yield { text: `${text} ${who(ctx)}` };
  },
  async *echo(requests: AsyncIterable<Text>, ctx: Context) {
    for await (const { text } of requests) yield { text: `${text} ${who(ctx)}` };
  },
};

const worlds: AsyncDisposable[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world[Symbol.asyncDispose]();
});

/** Alice, who is staff, and a service that is protected; both in the default transport unless said otherwise. */
async function protectedGreeter(options: Partial<AuthHandlerOptions> & { transport?: keyof typeof TRANSPORTS } = {}) {
  const auth = options.auth ?? memoryAuth();
  const { secret } = await auth.generate('alice', { scopes: ['staff'] });
  const world = createWorld(TRANSPORTS[options.transport ?? 'memory transport']?.());
  worlds.push(world);
  await world.start({ server: { middleware: [authHandler({ service: 'greeter', auth, ...options })] } }, (service) =>
    service.server.handle(Greeter, HANDLERS),
  );
  const alice = world.caller({ client: { middleware: [authCall({ auth, id: 'alice', secret })] } });
  const nobody = world.caller();
  const accessToken = (await auth.token({ id: 'alice', secret })).accessToken;
  return {
    auth,
    accessToken,
    untyped: nobody.client,
    alice: alice.client.of(Greeter, 'greeter'),
    nobody: nobody.client.of(Greeter, 'greeter'),
  };
}

function granted(scope: string, endpoint = '*', access: Rule['access'] = 'granted', priority = 0): Rule {
  const id = `${scope} ${endpoint} ${access}`;
  return { id, scope, resource: { type: 'service', name: 'greeter', endpoint }, access, priority };
}

const all = async (messages: AsyncIterable<Text>): Promise<string[]> => {
  const texts: string[] = [];
  for await (const { text } of messages) texts.push(text);
  return texts;
};

describe.each(Object.keys(TRANSPORTS))('over %s', (transport) => {
  it('the four kinds of endpoints know who calls', async () => {
    const { alice } = await protectedGreeter({ transport });
    const three = [{ text: 'a' }, { text: 'b' }, { text: 'c' }];
    expect(await alice.hello({ text: 'hello' })).toEqual({ text: 'hello alice' });
    expect(await alice.count(three)).toEqual({ text: '3 alice' });
    expect(await all(alice.repeat({ text: 'hello' }))).toEqual(['hello alice']);
    expect(await all(alice.echo(three))).toEqual(['a alice', 'b alice', 'c alice']);
  });

  it('the first call of a client may be a stream of either kind', async () => {
    const { alice } = await protectedGreeter({ transport });
    expect(await all(alice.repeat({ text: 'hello' }))).toEqual(['hello alice']);
    const again = await protectedGreeter({ transport });
    expect(await all(again.alice.echo([{ text: 'a' }]))).toEqual(['a alice']);
  });

  it('the four kinds of endpoints refuse whoever has no account', async () => {
    const { nobody } = await protectedGreeter({ transport });
    const refusal = { id: 'greeter', code: CODE.unauthorized, status: 'Unauthorized' };
    await expect(nobody.hello({ text: 'hello' })).rejects.toMatchObject(refusal);
    await expect(nobody.count([])).rejects.toMatchObject(refusal);
    await expect(all(nobody.repeat({ text: 'hello' }))).rejects.toMatchObject(refusal);
    await expect(all(nobody.echo([{ text: 'a' }]))).rejects.toMatchObject(refusal);
  });

  it('who may not call is told so', async () => {
    const rules = memoryRules({ rules: [granted('admin')] });
    const { alice } = await protectedGreeter({ transport, rules });
    await expect(alice.hello({ text: 'hello' })).rejects.toMatchObject({
      code: CODE.forbidden,
      detail: expect.stringContaining('account "alice" may not access service greeter Greeter.Hello'),
    });
    await rules.grant(granted('staff', 'Greeter.Hello'));
    expect(await alice.hello({ text: 'hello' })).toEqual({ text: 'hello alice' });
    await expect(all(alice.repeat({ text: 'hello' }))).rejects.toMatchObject({ code: CODE.forbidden });
  });
});

describe('authHandler', () => {
  it('lets nobody in particular call what everybody may call, and asks others for an account', async () => {
    const rules = memoryRules({ rules: [granted('', 'Greeter.Hello'), granted('*')] });
    const { nobody, alice } = await protectedGreeter({ rules });
    expect(await nobody.hello({ text: 'hello' })).toEqual({ text: 'hello nobody' });
    expect(await alice.hello({ text: 'hello' })).toEqual({ text: 'hello alice' });
    await expect(nobody.count([])).rejects.toMatchObject({
      code: CODE.unauthorized,
      detail: 'Greeter.Count needs an account: send Authorization: Bearer <token>',
    });
  });

  it('goes by the name it was given, not by the one that the caller writes', async () => {
    const other = { ...granted(''), id: 'other', resource: { type: 'service', name: 'open', endpoint: '*' } };
    const rules = memoryRules({ rules: [other] });
    const endpoints: string[] = [];
    const spied: Rules = {
      ...rules,
      verify: (account, resource) => {
        endpoints.push(`${resource.type} ${resource.name} ${resource.endpoint}`);
        return rules.verify(account, resource);
      },
    };
    const middleware = authHandler({ service: 'greeter', auth: memoryAuth(), rules: spied });
    const request = { ...REQUEST, service: 'open' };
    await expect(through(middleware, context({}), request)).rejects.toMatchObject({ code: CODE.unauthorized });
    expect(endpoints).toEqual(['service greeter Greeter.Hello']);
  });

  it('does not look at the tokens of public endpoints', async () => {
    const { nobody, untyped } = await protectedGreeter({ publicEndpoints: ['Greeter.Hello'] });
    expect(await nobody.hello({ text: 'hello' }, { metadata: { authorization: 'nonsense' } })).toEqual({
      text: 'hello nobody',
    });
    await expect(nobody.count([])).rejects.toMatchObject({ code: CODE.unauthorized });
    const request = { service: 'greeter', endpoint: 'Greeter.hello', body: {} };
    // Another spelling is another endpoint, and there is none.
    await expect(untyped.call(request)).rejects.toMatchObject({ code: CODE.notFound });
  });

  it.each([
    ['Greeter.*', 'Greeter.Hello', true],
    ['Greeter.*', 'Greeters.Hello', false],
    ['Greeter.*', 'Greet.Hello', false],
    ['Greeter', 'Greeter.Hello', false],
    ['*', 'Greeter.Hello', false],
    ['.*', 'Greeter.Hello', false],
    ['greeter.hello', 'Greeter.Hello', false],
  ])('takes %s for %s to be public: %s', async (pattern, endpoint, isPublic) => {
    const middleware = authHandler({ service: 'greeter', auth: memoryAuth(), publicEndpoints: [pattern] });
    const answer = through(middleware, context({}), { ...REQUEST, endpoint });
    if (isPublic) expect(await answer).toBe('reached');
    else await expect(answer).rejects.toMatchObject({ code: CODE.unauthorized });
  });

  it.each([
    'Bearer',
    'Bearer ',
    'Basic YWxpY2U6c2VjcmV0',
    'nonsense',
    'Bearer two tokens',
    'Bearer ключ',
    'Bearer a,b',
    `Bearer ${'x'.repeat(8_193)}`,
    'x'.repeat(1_000_000),
  ])('refuses %.40s without asking the provider', async (authorization) => {
    let asked = 0;
    const auth: Auth = {
      ...noopAuth(),
      inspect: () => {
        asked++;
        return noopAuth().inspect('');
      },
    };
    // Everybody may call, but whoever says who they are has to prove it.
    const rules = memoryRules({ rules: [granted('')] });
    const middleware = authHandler({ service: 'greeter', auth, rules });
    await expect(through(middleware, context({ authorization }))).rejects.toMatchObject({
      code: CODE.unauthorized,
      id: 'greeter',
    });
    expect(asked).toBe(0);
  });

  it.each(['Bearer', 'bearer', 'BEARER'])('reads the scheme written %s', async (scheme) => {
    const { nobody, accessToken } = await protectedGreeter();
    const metadata = { Authorization: `${scheme} ${accessToken}` };
    expect(await nobody.hello({ text: 'hello' }, { metadata })).toEqual({ text: 'hello alice' });
  });

  it('refuses a token that is not valid even where everybody may call', async () => {
    const rules = memoryRules({ rules: [granted('')] });
    const { nobody } = await protectedGreeter({ rules });
    const metadata = { authorization: 'Bearer guessed' };
    await expect(nobody.hello({ text: 'hello' }, { metadata })).rejects.toMatchObject({ code: CODE.unauthorized });
  });

  it('takes a provider that answers nothing for one that refuses', async () => {
    const auth = { ...noopAuth(), inspect: async () => undefined } as unknown as Auth;
    const rules = memoryRules({ rules: [granted('')] });
    for (const options of [{ auth }, { auth, rules }]) {
      const middleware = authHandler({ service: 'greeter', ...options });
      await expect(through(middleware, context({ authorization: 'Bearer x' }))).rejects.toMatchObject({
        code: CODE.unauthorized,
      });
    }
  });

  it('does not wait for a provider longer than its limit, nor than the call has time', async () => {
    const auth: Auth = { ...noopAuth(), inspect: () => new Promise(() => {}) };
    const metadata = { authorization: 'Bearer x' };
    const limited = authHandler({ service: 'greeter', auth, timeoutMs: 20 });
    await expect(through(limited, context(metadata))).rejects.toMatchObject({
      code: CODE.timeout,
      detail: 'finding out who calls Greeter.Hello took longer than 20 ms',
    });
    const short = authHandler({ service: 'greeter', auth });
    await expect(through(short, context(metadata, 10))).rejects.toMatchObject({ code: CODE.timeout });
  });

  it('hands on what a provider and rules throw', async () => {
    const broken = new MicroError({ id: 'go.micro.auth', code: CODE.unavailable, detail: 'no connection' });
    const auth: Auth = { ...noopAuth(), inspect: () => Promise.reject(broken) };
    const middleware = authHandler({ service: 'greeter', auth });
    await expect(through(middleware, context({ authorization: 'Bearer x' }))).rejects.toBe(broken);
    const rules = { ...memoryRules(), verify: () => Promise.reject(broken) };
    const ruled = authHandler({ service: 'greeter', auth: noopAuth(), rules });
    await expect(through(ruled, context({}))).rejects.toBe(broken);
  });

  it('does not hand on the token to services that a handler calls', async () => {
    const world = createWorld(TRANSPORTS['memory transport']?.());
    worlds.push(world);
    const seen: (string | undefined)[] = [];
    await world.start({ name: 'below' }, ({ server }) =>
      server.handle('Below', {
        look: (_: unknown, ctx: Context) => {
          seen.push(ctx.metadata.get('authorization'), ctx.metadata.get('micro-namespace'));
          return {};
        },
      }),
    );
    const auth = memoryAuth();
    const { secret } = await auth.generate('alice');
    const middleware = [authHandler({ service: 'greeter', auth })];
    await world.start({ server: { middleware } }, ({ server, client }) =>
      server.handle('Greeter', {
        hello: (_: unknown, ctx: Context) => client.call({ service: 'below', endpoint: 'Below.Look' }, ctx),
      }),
    );
    const alice = world.caller({ client: { middleware: [authCall({ auth, id: 'alice', secret, namespace: 'ns' })] } });
    await alice.client.call({ service: 'greeter', endpoint: 'Greeter.Hello' });
    expect(seen).toEqual([undefined, 'ns']);
  });

  it('needs the name of the service', () => {
    expect(() => authHandler({ service: '', auth: noopAuth() })).toThrow('needs the name of the service');
  });
});

const REQUEST: Request = {
  service: 'greeter',
  endpoint: 'Greeter.Hello',
  kind: 'unary',
  contentType: 'application/json',
  body: {},
};

/** Calls what stands behind the middleware, as a promise. */
async function through(middleware: Middleware, ctx: Context, request = REQUEST): Promise<unknown> {
  return middleware(() => 'reached')(request, ctx);
}

/** As much of a context as the middleware reads. */
function context(metadata: Record<string, string>, timeLeftMs = Number.POSITIVE_INFINITY): Context {
  const names = new Map(Object.entries(metadata));
  return {
    metadata: { get: (name: string) => names.get(name.toLowerCase()) },
    timeLeft: () => timeLeftMs,
  } as unknown as Context;
}
