import { Duplex } from 'node:stream';
import { queryObjects } from 'node:v8';
import { eventually } from '@micro/core/conformance';
import { encodeRecord } from '@micro/core/plugin';
import { startEtcd } from '@micro/test-servers';
import { describe, expect, it } from 'vitest';
import { recordKeys } from '../src/record-keys.ts';
import { recordReader } from '../src/record-values.ts';
import { greeter, makers, missing, node, why } from './support.ts';

/** How many streams there are in this process, after what nobody holds was collected. */
const streams = (): number => queryObjects(Duplex, { format: 'count' });

describe.skipIf(missing !== undefined)(`the memory of a registry${why}`, () => {
  const make = makers();

  it('has no more streams after a hundred renewals than after the first ones', { timeout: 120_000 }, async () => {
    await using etcd = await startEtcd();
    const registry = make.registry({ hosts: etcd.url });
    const renew = async (times: number) => {
      for (let time = 0; time < times; time++) await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    };
    await renew(5);
    const before = streams();
    await renew(100);
    // To count them takes seconds on a busy machine.
    await eventually(async () => expect(streams()).toBeLessThan(before + 10), { timeoutMs: 60_000 });
  });

  it('has the endpoints once that all nodes of a version have', () => {
    const keys = recordKeys('/memory/');
    const read = recordReader(keys, undefined);
    const endpointsOf = (version: string, number: number) => {
      const one = node(number);
      const record = { ...greeter(one), version, endpoints: [{ name: `Greeter.Of${version}`, metadata: {} }] };
      return read({ key: keys.ofNode('greeter', one.id), value: Buffer.from(encodeRecord(record)) })?.endpoints;
    };
    const [first, second, other] = [endpointsOf('1', 1), endpointsOf('1', 2), endpointsOf('2', 3)];
    expect(first).toMatchObject([{ name: 'Greeter.Of1' }]);
    expect(second).toBe(first);
    expect(other).toMatchObject([{ name: 'Greeter.Of2' }]);
  });
});
