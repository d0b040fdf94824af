import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Runtime, RuntimeEvent } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { testCertificates } from '@micro/test-servers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type K8sRuntimeOptions, k8sRuntime } from '../src/index.ts';
import { fileOf, refusal } from './world.ts';

/*
 * What a real API server cannot be made to say at will. The answers are those of the API's documentation:
 * kubernetes.io/docs/reference/using-api/api-concepts (watches, bookmarks, 410, paging), .../generated/kubernetes-api (Pod
 * log), kubernetes.io/docs/concepts/cluster-administration/flow-control (429 with Retry-After).
 */

type Answer = (url: URL, response: ServerResponse, request: IncomingMessage) => void;

const WORKLOAD = { name: 'greeter', version: '1', metadata: {} };
const LABELS = { name: 'greeter', version: '1', micro: 'service' };

const deployment = (resourceVersion: string, replicas = 1) => ({
  metadata: {
    uid: 'u',
    name: 'greeter-1',
    resourceVersion,
    labels: LABELS,
    annotations: { name: 'greeter', version: '1' },
  },
  spec: { replicas },
});

const pod = (name = 'greeter-1-x', restartCount = 0) => ({
  metadata: { uid: name, name, labels: LABELS },
  status: {
    containerStatuses: [{ restartCount, state: { running: { startedAt: '2024-01-01T00:00:00Z' } } }],
  },
});

const listOf = (items: readonly object[], resourceVersion = '1', more?: string) => ({
  kind: 'List',
  metadata: { resourceVersion, ...(more === undefined ? {} : { continue: more }) },
  items,
});

const event = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;
const json = (response: ServerResponse, body: object, status = 200, headers: object = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
};
const isWatch = ({ searchParams }: URL): boolean => searchParams.get('watch') === 'true';
const isOf = ({ pathname }: URL, kind: string): boolean => pathname.endsWith(`/${kind}`);

/** A runtime that was started on a server which answers so; a list that is not answered is empty, a watch goes on. */
async function runtimeOn(answer: Answer, options: K8sRuntimeOptions = {}): Promise<Runtime> {
  const { cert, key, ca } = testCertificates();
  const server = createServer({ cert, key }, (request, response) => {
    const url = new URL(request.url ?? '', 'https://double');
    answer(url, response, request);
    if (response.headersSent || response.writableEnded || !/GET/.test(request.method ?? '')) return;
    if (isWatch(url)) response.writeHead(200).flushHeaders();
    else json(response, listOf([]));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const kubeconfig = fileOf(
    JSON.stringify({
      clusters: [
        { name: 'c', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': btoa(ca) } },
      ],
      users: [{ name: 'u', user: { token: 't' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  const runtime = k8sRuntime({ kubeconfig, timeoutMs: 5_000, ...options });
  onTestFinished(async () => {
    await runtime.stop();
    server.closeAllConnections();
    server.close();
  });
  await runtime.start();
  return runtime;
}

function collect<T>(items: AsyncIterable<T>): { readonly seen: T[]; readonly done: Promise<unknown> } {
  const seen: T[] = [];
  const done = (async () => {
    for await (const item of items) seen.push(item);
  })().then(
    () => undefined,
    (error: unknown) => error,
  );
  return { seen, done };
}

describe('an answer', () => {
  test('that comes in pages is read in whole', async () => {
    const pages: (string | null)[] = [];
    const runtime = await runtimeOn((url, response) => {
      if (!isOf(url, 'deployments') || url.searchParams.get('limit') === '1') return;
      pages.push(url.searchParams.get('continue'));
      const next = pages.length < 3 ? `page-${pages.length}` : undefined;
      const one = deployment('1');
      const annotations = { name: `g${pages.length}`, version: '1' };
      json(response, listOf([{ ...one, metadata: { ...one.metadata, annotations } }], '1', next));
    });
    expect((await runtime.read()).map(({ name }) => name)).toEqual(['g1', 'g2', 'g3']);
    expect(pages).toEqual([null, 'page-1', 'page-2']);
  });

  test('whose pages are forgotten on the way is read all at once', async () => {
    const asked: (string | null)[] = [];
    const runtime = await runtimeOn((url, response) => {
      const { searchParams } = url;
      if (!isOf(url, 'deployments') || searchParams.get('limit') === '1') return;
      asked.push(searchParams.get('limit'));
      if (searchParams.get('continue') === 'more') json(response, { kind: 'Status', code: 410 }, 410);
      else json(response, listOf([deployment('1')], '1', asked.length === 1 ? 'more' : undefined));
    });
    expect(await runtime.read()).toHaveLength(1);
    expect(asked).toEqual(['250', '250', null]);
  });

  test('that asks to come again later is heeded, also for what is made', async () => {
    const asked: number[] = [];
    const runtime = await runtimeOn((_, response, { method }) => {
      if (method !== 'POST') return;
      asked.push(Date.now());
      if (asked.length === 1) json(response, { kind: 'Status', message: 'busy' }, 429, { 'retry-after': '1' });
      else json(response, {}, 201);
    });
    await runtime.create(WORKLOAD, { image: 'none' });
    // The Deployment twice, and the Service.
    expect(asked).toHaveLength(3);
    expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThan(900);
  });

  test('that always asks to come again is a 429 within the deadline', async () => {
    const busy: Answer = (url, response) => {
      if (url.searchParams.get('limit') !== '1') response.writeHead(429, { 'retry-after': '2' }).end('busy');
    };
    // Enough for one more try and its answer, and not for two.
    const runtime = await runtimeOn(busy, { timeoutMs: 3_900 });
    expect(await refusal(runtime.read())).toMatchObject({
      code: 429,
      detail: expect.stringContaining('try again later'),
    });
  });

  test('of something else than an API server is an error that says so', async () => {
    let status = 200;
    const runtime = await runtimeOn((url, response) => {
      if (url.searchParams.get('limit') !== '1') response.writeHead(status).end('<html>\nhello</html>');
    });
    expect(await refusal(runtime.read())).toMatchObject({
      code: 503,
      detail: expect.stringContaining('is this an API server?'),
    });
    status = 502;
    expect(await refusal(runtime.read())).toMatchObject({
      code: 503,
      detail: expect.stringMatching(/answered 502: <html> hello<\/html>$/),
    });
  });

  test('without an end is given up', async () => {
    const runtime = await runtimeOn(
      (url, response) => {
        if (url.searchParams.get('limit') === '1') return;
        const block = 'x'.repeat(1_048_576);
        const write = (): void => {
          while (response.write(block));
          response.once('drain', write);
        };
        write();
        response.on('error', () => {});
      },
      { timeoutMs: 30_000 },
    );
    expect((await refusal(runtime.read())).code).toBe(413);
  }, 60_000);

  test('full of things that are no Deployments is read as nothing', async () => {
    const odd = [null, 1, 'x', [], {}, { metadata: null }, { metadata: { annotations: 1, labels: [] }, spec: 'x' }];
    const runtime = await runtimeOn((_, response) => json(response, listOf(odd as never)));
    expect(await runtime.read()).toEqual([]);
  });
});

describe('a watch', () => {
  const types = ({ seen }: { readonly seen: readonly RuntimeEvent[] }) => seen.map(({ type }) => type);

  test('goes on from the last bookmark when its request ends', async () => {
    const from: (string | null)[] = [];
    const runtime = await runtimeOn((url, response) => {
      if (!isOf(url, 'deployments') || !isWatch(url)) return;
      from.push(url.searchParams.get('resourceVersion'));
      expect(url.searchParams.get('allowWatchBookmarks')).toBe('true');
      expect(Number(url.searchParams.get('timeoutSeconds'))).toBeGreaterThan(40);
      response.writeHead(200);
      if (from.length === 1) response.end(event('BOOKMARK', { metadata: { resourceVersion: '7' } }));
      else response.write(event('ADDED', deployment('8')));
    });
    const watch = collect(runtime.watch());
    await eventually(() => expect(types(watch)).toEqual(['create']));
    expect(from).toEqual(['1', '7']);
  });

  test.each([
    ['as an event', (response: ServerResponse) => response.end(event('ERROR', { kind: 'Status', code: 410 }))],
    ['as an answer', (response: ServerResponse) => json(response, { kind: 'Status', code: 410 }, 410)],
  ])('lists anew when the server has forgotten its version, which it says %s', async (_, forget) => {
    let lists = 0;
    let watches = 0;
    const runtime = await runtimeOn((url, response) => {
      if (!isOf(url, 'deployments') || url.searchParams.get('limit') === '1') return;
      if (!isWatch(url)) {
        lists += 1;
        json(response, listOf(lists === 1 ? [] : [deployment('20')], String(lists * 10)));
      } else if (++watches === 1) forget(response);
    });
    const watch = collect(runtime.watch());
    await eventually(() => expect(types(watch)).toEqual(['create']));
    await eventually(() => expect([lists, watches]).toEqual([2, 2]));
  });

  test('that is ended at once, again and again, asks with pauses that grow', async () => {
    let asked = 0;
    const runtime = await runtimeOn((url, response) => {
      if (!isWatch(url) || !isOf(url, 'pods')) return;
      asked += 1;
      response.writeHead(200).end();
    });
    const watch = collect(runtime.watch());
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(asked).toBeGreaterThan(1);
    expect(asked).toBeLessThan(40);
    await runtime.stop();
    await watch.done;
  });

  test('that gets what makes no sense lists anew, and loses nothing', async () => {
    let watches = 0;
    let lists = 0;
    const runtime = await runtimeOn((url, response) => {
      if (!isOf(url, 'deployments') || url.searchParams.get('limit') === '1') return;
      if (!isWatch(url)) json(response, listOf(++lists === 1 ? [] : [deployment('2')]));
      else if (++watches === 1) response.writeHead(200).end('{"type":"ADDED","obj\n');
    });
    const watch = collect(runtime.watch());
    await eventually(() => expect(types(watch)).toEqual(['create']));
  });

  test('that is forbidden from some time on ends with a 403', async () => {
    let watches = 0;
    const runtime = await runtimeOn((url, response) => {
      if (!isWatch(url) || !isOf(url, 'deployments')) return;
      watches += 1;
      json(response, { kind: 'Status', code: 403, message: 'no' }, 403);
    });
    const watch = collect(runtime.watch());
    expect(await watch.done).toMatchObject({ code: 403 });
    expect(watches).toBeGreaterThan(3);
  }, 60_000);

  test('is left by its reader while it waits, as a followed log is', async () => {
    const runtime = await runtimeOn((url, response) => {
      if (isOf(url, 'deployments') && !isWatch(url)) json(response, listOf([deployment('1')]));
    });
    for (const sequence of [runtime.watch(), runtime.logs(WORKLOAD, { follow: true })]) {
      const items = sequence[Symbol.asyncIterator]();
      const waiting = items.next();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await items.return?.();
      expect(await waiting).toEqual({ done: true, value: undefined });
    }
  });

  test('that begins holds up a change of the same runtime, until the signal of that aborts', async () => {
    let isHeld = false;
    const runtime = await runtimeOn((url, response) => {
      if (!isHeld || !isOf(url, 'pods')) return;
      // Never answered.
      response.writeHead(200).flushHeaders();
    });
    isHeld = true;
    const watch = collect(runtime.watch());
    const signal = AbortSignal.timeout(200);
    expect(await refusal(runtime.delete(WORKLOAD, { signal }))).toMatchObject({ code: 408 });
    await runtime.stop();
    await watch.done;
  });
});

describe('a log', () => {
  const stamp = (nanos: number): string =>
    `2024-01-01T00:00:0${Math.floor(nanos / 1e9)}.${String(nanos % 1e9).padStart(9, '0')}Z`;
  const things: Answer = (url, response) => {
    if (isWatch(url) || url.searchParams.get('limit') === '1') return;
    if (isOf(url, 'deployments')) json(response, listOf([deployment('1')]));
    else if (isOf(url, 'pods')) json(response, listOf([pod('greeter-1-x'), pod('greeter-1-y')]));
  };
  const messages = ({ seen }: { readonly seen: readonly { message: string }[] }) => seen.map(({ message }) => message);

  test('of several Pods is in the order of time, and its last lines are the last of all', async () => {
    const asked: URLSearchParams[] = [];
    const runtime = await runtimeOn((url, response) => {
      if (!isOf(url, 'log')) return things(url, response, {} as never);
      asked.push(url.searchParams);
      const odd = url.pathname.includes('-y') ? 1 : 0;
      const all = [0, 2, 4, 6].map((n) => `${stamp((n + odd) * 1_000)} ${n + odd}`);
      const tail = url.searchParams.get('tailLines');
      response.writeHead(200).end(`${(tail === null ? all : all.slice(-Number(tail))).join('\n')}\n`);
    });
    expect(messages(await whole(runtime))).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
    expect(messages(await whole(runtime, 3))).toEqual(['5', '6', '7']);
    expect(asked.at(-1)?.get('tailLines')).toBe('3');
    expect(asked.at(-1)?.get('container')).toBe('greeter');
    expect(asked.at(-1)?.get('timestamps')).toBe('true');
  });

  test('has what the container before the last start wrote, and lines of any length and none', async () => {
    const long = 'é'.repeat(40_000);
    const runtime = await runtimeOn((url, response) => {
      if (isOf(url, 'pods') && !isWatch(url)) return json(response, listOf([pod('greeter-1-x', 2)]));
      if (!isOf(url, 'log')) return things(url, response, {} as never);
      response.writeHead(200);
      if (url.searchParams.get('previous') === 'true') response.end(`${stamp(1)} before\n`);
      else
        response.end(
          `${stamp(2)} \n${stamp(3)} ${long}\r\nwithout a time\n2024-99-99T99:99:99Z odd\n${stamp(4)} no end`,
        );
    });
    const lines = messages(await whole(runtime));
    expect(lines.slice(0, 2)).toEqual(['before', '']);
    expect(lines.slice(2, 5).join('')).toBe(long);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(16_384);
    expect(lines.slice(5)).toEqual(['without a time', '2024-99-99T99:99:99Z odd', 'no end']);
  });

  test('that is followed and cut off goes on where it was, with no line lost and none twice', async () => {
    const all = Array.from({ length: 40 }, (_, n) => `${stamp(Math.floor(n / 3) * 200_000_000)} ${n}`);
    let follows = 0;
    const runtime = await runtimeOn((url, response) => {
      if (isOf(url, 'pods') && !isWatch(url)) return json(response, listOf([pod()]));
      if (!isOf(url, 'log')) return things(url, response, {} as never);
      const since = url.searchParams.get('sinceTime');
      const lines = all.filter((line) => since === null || Date.parse(line.slice(0, 30)) >= Date.parse(since));
      response.writeHead(200);
      if (url.searchParams.get('follow') !== 'true') return response.end(`${all.slice(0, 4).join('\n')}\n`);
      follows += 1;
      // Each time it gets a few lines further, and once it breaks in the middle of one.
      const until = all.slice(0, 4 + follows * 7);
      response.write(
        lines
          .filter((line) => until.includes(line))
          .map((line) => `${line}\n`)
          .join(''),
      );
      if (follows === 2) response.write(all[18]?.slice(0, 12) ?? '', () => response.destroy());
      else if (until.length < all.length) response.end();
    });
    const end = new AbortController();
    const log = collect(runtime.logs(WORKLOAD, { follow: true, signal: end.signal }));
    await eventually(() => expect(log.seen).toHaveLength(40), { timeoutMs: 30_000 });
    end.abort();
    expect(await log.done).toBeUndefined();
    expect(messages(log)).toEqual(all.map((_, n) => String(n)));
    expect(follows).toBeGreaterThan(4);
  }, 60_000);

  test('that nobody reads holds up the reading', async () => {
    let written = 0;
    let isHeld = false;
    const runtime = await runtimeOn((url, response) => {
      if (isOf(url, 'pods') && !isWatch(url)) return json(response, listOf([pod()]));
      if (!isOf(url, 'log')) return things(url, response, {} as never);
      response.writeHead(200);
      if (url.searchParams.get('follow') !== 'true') return response.end();
      const write = (): void => {
        while (written < 100_000 && response.write(`${stamp(written)} ${'x'.repeat(1_000)}\n`)) written += 1;
        isHeld = true;
        response.once('drain', write);
      };
      write();
    });
    for await (const _ of runtime.logs(WORKLOAD, { follow: true })) {
      await eventually(() => expect(isHeld).toBe(true));
      await new Promise((resolve) => setTimeout(resolve, 500));
      break;
    }
    expect(written).toBeLessThan(50_000);
  });

  test('that stops coming is a 408, and one that is followed is asked for anew where it was', async () => {
    const since: (string | null)[] = [];
    let stalls = true;
    const runtime = await runtimeOn(
      (url, response) => {
        if (isOf(url, 'pods') && !isWatch(url)) return json(response, listOf([pod()]));
        if (!isOf(url, 'log')) return things(url, response, {} as never);
        const isFollowed = url.searchParams.get('follow') === 'true';
        if (isFollowed) since.push(url.searchParams.get('sinceTime'));
        response.writeHead(200);
        response.write(`${stamp(1)} one\n`);
        if (!isFollowed && !stalls) response.end();
        // It says nothing the first time.
        if (since.length > 1) response.write(`${stamp(2)} two\n`);
      },
      { timeoutMs: 3_000, watchMs: 1_000 },
    );
    const late = { code: 408, detail: expect.stringContaining('says nothing for 3000 ms') };
    expect(await collect(runtime.logs(WORKLOAD)).done).toMatchObject(late);
    expect(await collect(runtime.logs(WORKLOAD, { follow: true })).done).toMatchObject(late);
    stalls = false;
    const log = collect(runtime.logs(WORKLOAD, { follow: true }));
    await eventually(() => expect(messages(log)).toEqual(['one', 'two']), { timeoutMs: 20_000 });
    expect(since.slice(0, 2)).toEqual(['2024-01-01T00:00:00.000Z', '2024-01-01T00:00:00.000Z']);
  });

  test('of a Pod that has not started, or has gone meanwhile, is empty', async () => {
    const runtime = await runtimeOn((url, response) => {
      if (!isOf(url, 'log')) return things(url, response, {} as never);
      const isGone = url.pathname.includes('-y');
      json(response, { kind: 'Status', message: 'is waiting to start' }, isGone ? 404 : 400);
    });
    expect(messages(await whole(runtime))).toEqual([]);
  });

  async function whole(runtime: Runtime, count?: number) {
    const log = collect(runtime.logs(WORKLOAD, { count }));
    const error = await log.done;
    if (error !== undefined) throw error;
    return log;
  }
});
