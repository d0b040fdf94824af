import { request } from 'node:http';
import { connect } from 'node:net';
import { CODE, type Logger } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type PprofProfileOptions, pprofProfile } from '../src/index.ts';
import { burnHere, type ReadProfile, readProfile, testFolder } from './read-profile.ts';

/** A started profile with a door, and what asks at it. */
async function open(options: PprofProfileOptions = {}) {
  const profile = pprofProfile({ folder: testFolder(), address: ':0', ...options });
  await profile.start();
  onTestFinished(() => profile.stop());
  return {
    profile,
    url: `http://${profile.address}/debug/pprof/`,
    async ask(path: string, init?: RequestInit): Promise<{ status: number; text: string }> {
      const answer = await fetch(`http://${profile.address}${path}`, init);
      return { status: answer.status, text: await answer.text() };
    },
    async read(path: string) {
      const answer = await fetch(`http://${profile.address}/debug/pprof/${path}`);
      expect(answer.status).toBe(200);
      return readProfile(new Uint8Array(await answer.arrayBuffer()));
    },
  };
}

/**
 * What a live profile counted on the work below. Of code that V8 compiled before a recording began, Node 24 counts a
 * function that was inlined on the one it was inlined into.
 */
const burnt = ({ own }: ReadProfile): number => (own.get('burnHere') ?? 0) + (own.get('burnMeanwhile') ?? 0);

/** Keeps this thread busy for a while, with time in between to answer. */
async function burnMeanwhile<T>(work: Promise<T>): Promise<T> {
  let goesOn = true;
  const done = work.finally(() => {
    goesOn = false;
  });
  done.catch(() => {});
  while (goesOn) {
    burnHere(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return done;
}

/** The status of a request with headers that `fetch` does not let its user set. */
function statusWith(address: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`http://${address}/debug/pprof/`, { headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .once('error', reject)
      .end();
  });
}

describe('the door for live profiles', () => {
  test.each([
    ['beside the file', {}],
    ['where nothing else is measured', { write: false }],
  ])('hands out what runs in the next seconds, %s', async (_, options) => {
    const { read } = await open(options);
    burnHere(1_000);
    const profile = await burnMeanwhile(read('profile?seconds=0.5'));
    expect(burnt(profile) / profile.total).toBeGreaterThan(0.5);
    expect(profile.durationMs).toBeGreaterThan(450);
    // And not what ran before.
    expect(profile.total / 1e6).toBeLessThan(profile.durationMs + 50);
  });

  test('takes nothing away from the file', async () => {
    const { profile, read } = await open();
    burnHere(300);
    const live = await burnMeanwhile(read('profile?seconds=0.3'));
    await profile.stop();
    const file = readProfile(profile.files.cpu ?? '');
    expect(burnt(file)).toBeGreaterThan(burnt(live));
    expect(file.durationMs).toBeGreaterThan(live.durationMs + 250);
  });

  test('hands out what is held, without garbage if so wished', async () => {
    const { read } = await open({ cpuIntervalMs: 0 });
    const held: unknown[] = [];
    const hold = () => {
      for (let index = 0; index < 100_000; index++) held.push({ index, texts: [`${index}`] });
    };
    hold();
    expect((await read('heap?gc=1')).own.get('hold')).toBeGreaterThan(1_000_000);
    held.length = 0;
    expect((await read('heap?gc=1')).own.get('hold') ?? 0).toBeLessThan(1_000_000);
    expect((await read('heap')).kinds).toContain('inuse_space in bytes');
  });

  test('has an index', async () => {
    const { ask } = await open();
    expect(await ask('/debug/pprof/')).toEqual({ status: 200, text: expect.stringContaining('href="profile"') });
  });

  test.each<[string, number, string]>([
    ['/debug/pprof/goroutine', 404, 'goroutine is a profile of Go that V8 has nothing for'],
    ['/debug/pprof/cmdline', 404, 'no profile of that name'],
    ['/debug/pprof/../../etc/passwd', 404, 'only /debug/pprof/'],
    ['/', 404, 'only /debug/pprof/'],
    ['//', 400, '"//" is no address'],
    ['/debug/pprof/profile?seconds=-1', 400, 'seconds is "-1"'],
    ['/debug/pprof/profile?seconds=0', 400, 'seconds is "0"'],
    ['/debug/pprof/profile?seconds=x', 400, 'seconds is "x"'],
    ['/debug/pprof/profile?seconds=301', 400, 'seconds is 301, which is more than 300'],
    ['/debug/pprof/profile?sekunden=1', 400, '"sekunden" means nothing here'],
    ['/debug/pprof/heap?seconds=1', 400, '"seconds" means nothing here'],
    ['/debug/pprof/heap?gc=yes', 400, 'gc is "yes"'],
  ])('refuses %s', async (path, status, text) => {
    const { ask } = await open();
    expect(await ask(path)).toEqual({ status, text: expect.stringContaining(text) });
  });

  test('refuses what is no GET, in words that go tool pprof shows', async () => {
    const { url } = await open();
    const answer = await fetch(`${url}profile`, { method: 'POST', body: 'x' });
    expect([answer.status, answer.headers.get('allow'), answer.headers.get('x-go-pprof')]).toEqual([405, 'GET', '1']);
  });

  test('says which measurement is off', async () => {
    const noCpu = await open({ cpuIntervalMs: 0 });
    expect((await noCpu.ask('/debug/pprof/profile')).text).toContain('cpuIntervalMs is 0');
    const noHeap = await open({ heapIntervalBytes: 0 });
    expect((await noHeap.ask('/debug/pprof/heap')).text).toContain('heapIntervalBytes is 0');
  });

  test('makes one profile at a time', async () => {
    const { ask } = await open();
    const answers = await Promise.all([1, 2, 3].map(() => ask('/debug/pprof/profile?seconds=1')));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 429, 429]);
    expect((await ask('/debug/pprof/profile?seconds=0.1')).status).toBe(200);
  });

  test('stops profiling when the one who asked has gone', async () => {
    const { ask, url } = await open({ write: false });
    const gone = new AbortController();
    const asked = fetch(`${url}profile?seconds=200`, { signal: gone.signal });
    asked.catch(() => {});
    const { time } = await import('@datadog/pprof');
    await eventually(() => expect(time.isStarted()).toBe(true));
    gone.abort();
    await eventually(() => expect(time.isStarted()).toBe(false));
    expect((await ask('/debug/pprof/profile?seconds=0.1')).status).toBe(200);
  });

  test('ends what goes on when the service stops', async () => {
    const { profile, ask } = await open({ write: false });
    const asked = ask('/debug/pprof/profile?seconds=200');
    const { time } = await import('@datadog/pprof');
    await eventually(() => expect(time.isStarted()).toBe(true));
    await profile.stop();
    expect(await asked).toEqual({ status: 503, text: 'the service stops\n' });
    expect(profile.address).toBeUndefined();
    expect(time.isStarted()).toBe(false);
  });

  test('closes in spite of a connection on which nothing is said', async () => {
    const { profile } = await open();
    const socket = connect({ port: Number(profile.address?.split(':').at(-1)), host: '127.0.0.1' });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('connect', resolve));
    await profile.stop();
    await closed;
  });
});

describe('who may ask at the door', () => {
  test('is on this machine, unless an interface is named', async () => {
    const { profile } = await open({ address: ':0' });
    expect(profile.address).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('is whoever reaches it when an interface is named, and that is a warning', async () => {
    const lines: string[] = [];
    const logger: Logger = {
      name: 'lines',
      enabled: () => true,
      log: (level, message) => lines.push(`${level} ${message}`),
      logf() {},
      fields: () => logger,
    };
    const { profile } = await open({ address: '0.0.0.0:0', logger });
    expect(lines).toEqual(['warn live profiles can be asked for by whoever reaches this address']);
    const port = profile.address?.split(':').at(-1);
    expect(await statusWith(`127.0.0.1:${port}`, { host: 'service.example' })).toBe(200);
  });

  test('is no page of another site in a browser of this machine', async () => {
    const { profile } = await open();
    const address = profile.address ?? '';
    expect(await statusWith(address, { host: 'rebound.example:6060' })).toBe(403);
    expect(await statusWith(address, { 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await statusWith(address, { host: 'localhost:1', 'sec-fetch-site': 'none' })).toBe(200);
    expect(await statusWith(address, { host: '[::1]:1' })).toBe(200);
  });

  test('finds an address that is taken as an error of the start, after which nothing measures', async () => {
    const { profile } = await open({ write: false });
    const second = pprofProfile({ folder: testFolder(), address: profile.address });
    await expect(second.start()).rejects.toMatchObject({
      code: CODE.conflict,
      detail: expect.stringContaining(`cannot listen at ${profile.address}`),
    });
    const { time } = await import('@datadog/pprof');
    expect(time.isStarted()).toBe(false);
    await expect(pprofProfile({ folder: testFolder(), address: 'nowhere' }).start()).rejects.toMatchObject({
      code: CODE.badRequest,
    });
  });
});
