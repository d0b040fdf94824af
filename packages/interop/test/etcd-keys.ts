/** A key of etcd with what belongs to it. */
export interface EtcdKey {
  readonly key: string;
  readonly value: string;
  /** The lease it hangs on; `'0'` for none. */
  readonly lease: string;
}

/** Asks etcd over the JSON that it offers on its own port, so that neither side's client stands between. */
export interface EtcdKeys {
  /** The keys that begin with a prefix, sorted. */
  list(prefix: string): Promise<readonly EtcdKey[]>;
  /** Writes keys all at once, each on the lease or on none. */
  put(values: Readonly<Record<string, string>>, lease?: string): Promise<void>;
  /** Removes keys all at once. */
  remove(...keys: readonly string[]): Promise<void>;
  /** Makes a lease of so many seconds. */
  grant(seconds: number): Promise<string>;
  /** How many seconds a lease was granted, and how many are left; -1 when it is over. */
  timeToLive(lease: string): Promise<{ readonly granted: number; readonly left: number }>;
  revoke(lease: string): Promise<void>;
}

/** The keys of the etcd at this URL. */
export function etcdKeys(url: string): EtcdKeys {
  const ask = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const signal = AbortSignal.timeout(5_000);
    const response = await fetch(`${url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body), signal });
    if (!response.ok) throw new Error(`etcd answers ${path} with ${response.status}: ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  };
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const plain = (text = ''): string => Buffer.from(text, 'base64').toString();
  return {
    async list(prefix) {
      const body = { key: base64(prefix), range_end: base64(`${prefix}\u{10ffff}`) };
      const { kvs = [] } = (await ask('kv/range', body)) as { kvs?: { key: string; value?: string; lease?: string }[] };
      return kvs.map(({ key, value, lease = '0' }) => ({ key: plain(key), value: plain(value), lease }));
    },
    async put(values, lease = '0') {
      const success = Object.entries(values).map(([key, value]) => ({
        request_put: { key: base64(key), value: base64(value), lease },
      }));
      await ask('kv/txn', { success });
    },
    async remove(...keys) {
      await ask('kv/txn', { success: keys.map((key) => ({ request_delete_range: { key: base64(key) } })) });
    },
    grant: async (seconds) => String((await ask('lease/grant', { TTL: seconds })).ID),
    async timeToLive(lease) {
      const { TTL = '0', grantedTTL = '0' } = await ask('lease/timetolive', { ID: lease });
      return { granted: Number(grantedTTL), left: Number(TTL) };
    },
    async revoke(lease) {
      await ask('lease/revoke', { ID: lease });
    },
  };
}
