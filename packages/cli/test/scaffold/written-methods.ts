import type { TemplateKind } from '../../src/scaffold/project.ts';

/** How an author may write a plugin of one kind: what stands in the place of what is not written, by the name of the method. */
export interface Authorship {
  /** Lines for the top of the file. */
  readonly imports: string;
  /** Lines for its end. */
  readonly helpers: string;
  readonly methods: Readonly<Record<string, string>>;
  /** In the place of the comment in `close`. */
  readonly close?: string | undefined;
}

/** One of core's own for each name of a universe, as if it were a server. */
function shared(kind: 'Registry' | 'Store' | 'Cache' | 'Broker' | 'Auth', made: string): string {
  return `
const servers = new Map<string, ${kind}>();

function server(name: string, more: object = {}): ${kind} {
  const known = servers.get(name) ?? ${made};
  servers.set(name, known);
  return known;
}
`;
}

/** Plugins of every kind, which hand what they are asked to core's defaults. */
export const AUTHORS: Readonly<Record<TemplateKind, Authorship>> = {
  registry: {
    imports: "import { memoryRegistry } from '@micro/core';",
    helpers: shared('Registry', 'memoryRegistry(more)'),
    methods: {
      register: 'await server(prefix).register(checked, { ttlMs, signal: limit });',
      deregister: 'await server(prefix).deregister(record, { signal: limit });',
      getService: 'return server(prefix).getService(name, { signal: limit });',
      listServices: 'return server(prefix).listServices({ signal: limit });',
      watch: 'return server(prefix).watch({ service, signal });',
    },
    close: 'await server(prefix).close();',
  },
  store: {
    imports: "import { memoryStore } from '@micro/core';",
    helpers: shared('Store', 'memoryStore(more)'),
    methods: {
      'read (of many keys)':
        'return server(start).read(key, { ...place, prefix, suffix, limit, offset: range.offset, signal });',
      'read (of one key)': 'return server(start).read(key, { ...place, limit, offset: range.offset, signal });',
      write: 'await server(start).write(given, { ...place, ttlMs: record.ttlMs, signal });',
      delete: 'await server(start).delete(key, { ...place, signal });',
      list: 'return server(start).list({ ...place, prefix, suffix, limit, offset: range.offset, signal });',
    },
  },
  cache: {
    imports: "import { memoryCache } from '@micro/core';",
    helpers: shared('Cache', 'memoryCache(more)'),
    methods: {
      get: 'return server(prefix).get(key);',
      put: 'await server(prefix).put(key, value, { ttlMs });',
      delete: 'await server(prefix).delete(key);',
    },
  },
  broker: {
    imports: "import { memoryBroker } from '@micro/core';",
    helpers: shared('Broker', 'memoryBroker(more)'),
    methods: {
      connect: 'await server(prefix, { logger: options.logger }).connect();',
      disconnect: 'await server(prefix).disconnect();',
      publish: 'await server(prefix).publish(topic, message, { signal });',
      subscribe: 'return server(prefix).subscribe(topic, handler, { queue, autoAck, concurrency });',
    },
  },
  transport: {
    imports: "import { httpTransport } from '@micro/core';",
    helpers: '',
    methods: {
      listen: 'return http.listen(address, accept, { name, ready });',
      dial: 'return http.dial(address, { stream, metadata, connectTimeoutMs, deadline });',
    },
    close: 'await http.close();',
  },
  auth: {
    imports: "import { memoryAuth } from '@micro/core';",
    helpers: shared('Auth', 'memoryAuth({ namespace: name, ...more })'),
    methods: {
      generate: 'return server(namespace).generate(id, { type, scopes, metadata, secret });',
      inspect: 'return server(namespace).inspect(token);',
      token: 'return server(namespace).token({ id, secret, refreshToken, ttlMs: lifeMs });',
    },
  },
};

const UNWRITTEN = /throw notWritten\('([^']+)', \{.*?\}\);/gs;

/** The file of a factory with all of its methods written. Throws for a method that nobody writes, and for one that is not there. */
export function written(kind: TemplateKind, text: string): string {
  const { imports, helpers, methods, close } = AUTHORS[kind];
  const left = new Set(Object.keys(methods));
  const whole = text
    .replace(/^import \{ notWritten \} .*$/m, imports)
    .replace(UNWRITTEN, (_, method: string) => {
      const body = methods[method];
      if (body === undefined) throw new Error(`nobody writes ${method} of the ${kind}`);
      left.delete(method);
      return body;
    })
    .replace(/(async close\(\) \{[^}]*)\/\/ .*/, (_, before: string) => `${before}${close ?? ''}`)
    .replace(
      /(const \{ maxMessageBytes \} = checkOptions\(options\);)/,
      '$1\n  const http = httpTransport({ maxMessageBytes });',
    );
  if (left.size > 0) throw new Error(`the ${kind} has nothing of ${[...left].join(', ')} to write`);
  return whole + helpers;
}
