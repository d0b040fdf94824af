import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServiceRecord } from '../../src/contract/registry.ts';
import { decodeRecord, encodeRecord } from '../../src/registry/go-record.ts';

const RECORD: ServiceRecord = {
  name: 'a/b<&>',
  version: 'latest',
  metadata: {},
  endpoints: [],
  nodes: [{ id: 'x', address: '1.2.3.4:5', metadata: { a: '2', z: '1' } }],
};

describe('the JSON of a record', () => {
  it('is read as go-micro writes it, where what is empty is null', () => {
    const text =
      '{"name":"a/b\\u003c\\u0026\\u003e","version":"latest","metadata":null,"endpoints":null,"nodes":[{"id":"x","address":"1.2.3.4:5","metadata":{"a":"2","z":"1"}}]}';
    expect(decodeRecord(text)).toEqual({
      ...RECORD,
      metadata: Object.create(null),
      nodes: [{ ...RECORD.nodes[0], metadata: Object.assign(Object.create(null), { a: '2', z: '1' }) }],
    });
  });

  it('is written in the order and with the nulls of go-micro', () => {
    expect(encodeRecord({ ...RECORD, endpoints: [{ name: 'A.B', metadata: {} }] })).toBe(
      '{"name":"a/b<&>","version":"latest","metadata":null,"endpoints":[{"name":"A.B","request":null,"response":null,"metadata":null}],"nodes":[{"id":"x","address":"1.2.3.4:5","metadata":{"a":"2","z":"1"}}]}',
    );
  });

  it('is the same whatever order metadata were given in, which is the order of a Go map', () => {
    const node = { id: 'x', address: '1.2.3.4:5', metadata: { z: '1', '\u{1f333}': '4', '\ufffd': '3', a: '2' } };
    const text = encodeRecord({ ...RECORD, metadata: { b: '', a: '' }, nodes: [node] });
    expect(text).toContain('"metadata":{"a":"","b":""}');
    expect(text).toContain('"metadata":{"a":"2","z":"1","\ufffd":"3","\u{1f333}":"4"}');
  });

  it('is read with the names of its fields in any case', () => {
    const text =
      '{"Name":"n","VERSION":"1","Endpoints":[{"NAME":"A.B","Request":{"Name":"R","Type":"R","Values":null}}],"Nodes":[{"Id":"i","Address":"h:1","Metadata":{"Kept":"as it is"}}]}';
    expect(decodeRecord(text)).toMatchObject({
      name: 'n',
      version: '1',
      endpoints: [{ name: 'A.B', request: { name: 'R', type: 'R', values: [] } }],
      nodes: [{ id: 'i', address: 'h:1', metadata: { Kept: 'as it is' } }],
    });
  });

  it.each([
    ['no JSON', '{"name":'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a name that is no text', '{"name":1,"nodes":[{"id":"i","address":"a"}]}'],
    ['no nodes', '{"name":"n","nodes":null}'],
    ['a node without an id', '{"name":"n","nodes":[{"address":"a"}]}'],
    ['a node without an address', '{"name":"n","nodes":[{"id":"i","address":{}}]}'],
  ])('is nothing when it is %s', (_, text) => {
    expect(decodeRecord(text)).toBeUndefined();
  });

  it('loses what has the wrong type and keeps the rest', () => {
    const text =
      '{"name":"n","version":2,"metadata":{"a":1,"b":"2"},"endpoints":[7,{"name":"A.B","request":[],"metadata":"no"}],"nodes":[{"id":"i","address":"h:1","metadata":[]},null]}';
    expect(decodeRecord(text)).toEqual({
      name: 'n',
      version: '',
      metadata: Object.assign(Object.create(null), { b: '2' }),
      endpoints: [{ name: 'A.B', request: undefined, response: undefined, metadata: Object.create(null) }],
      nodes: [{ id: 'i', address: 'h:1', metadata: Object.create(null) }],
    });
  });

  it('reaches no prototype', () => {
    const decoded = decodeRecord(
      '{"name":"n","metadata":{"__proto__":"x","constructor":"y"},"__proto__":{"version":"9"},"nodes":[{"id":"i","address":"h:1"}]}',
    );
    expect(Object.entries(decoded?.metadata ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(decoded?.version).toBe('');
  });

  it('survives any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        decodeRecord(text);
      }),
    );
    const deep = `{"name":"n","endpoints":[{"name":"e","request":${'{"values":['.repeat(5_000)}${']}'.repeat(5_000)}}],"nodes":[{"id":"i","address":"h:1"}]}`;
    expect(decodeRecord(deep)?.endpoints).toHaveLength(1);
  });

  it('comes back as it was written', () => {
    const record: ServiceRecord = {
      ...RECORD,
      metadata: { team: '木 🌳' },
      endpoints: [
        {
          name: 'A.B',
          request: { name: 'R', type: 'R', values: [{ name: 'f', type: 'string', values: [] }] },
          metadata: { stream: 'true' },
        },
      ],
    };
    expect(JSON.parse(JSON.stringify(decodeRecord(encodeRecord(record))))).toEqual(JSON.parse(JSON.stringify(record)));
  });
});
