import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText, encodeText } from '../../src/registry/mdns-text.ts';

/** What a Go service called greeter says about a node; docs/wire.md has the same bytes. */
const GREETER =
  '789c05c1310ac0200c05d0bbfcd91364efd8a9d03d6828824d24c62ee2ddfbdec225fed52c203c2e12e248b8c5473505a171c808241c5aba558d01d2d95ac229c18583410bdd2d2c5b03e19db963ef1f43fa1ea0';

const deflated = (text: string) => [Buffer.from(deflateSync(text).toString('hex'))];

describe('the text of an mdns node', () => {
  it('is read as go-micro writes it', () => {
    expect(decodeText([Buffer.from(GREETER)])).toMatchObject({
      service: 'greeter',
      version: 'latest',
      endpoints: [],
      metadata: { protocol: 'mucp' },
    });
  });

  it('is written as go-micro writes it, to the byte', () => {
    const strings = encodeText({
      service: 'greeter',
      version: 'latest',
      endpoints: [],
      metadata: { protocol: 'mucp' },
    });
    expect(strings.map(String)).toEqual([GREETER]);
  });

  it('says null for what is empty, and names the fields of an endpoint in small letters', () => {
    const endpoints = [
      { name: 'Greeter.Hello', request: { name: 'Request', type: 'Request', values: [] }, metadata: {} },
    ];
    const strings = encodeText({ service: 'greeter', version: '', endpoints, metadata: {} });
    const json =
      '{"Service":"greeter","Version":"","Endpoints":[{"name":"Greeter.Hello","request":{"name":"Request","type":"Request","values":null},"response":null,"metadata":null}],"Metadata":null}';
    expect(strings.map(String).join('')).toBe(deflateSync(json).toString('hex'));
  });

  it('is cut into strings of 255 when it is longer, and put together again, whatever it says', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: 'grapheme' }),
        fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary', maxLength: 400 })),
        (service, metadata) => {
          const strings = encodeText({ service, version: '1', endpoints: [], metadata });
          for (const [index, part] of strings.entries()) {
            expect(part.length).toBeLessThanOrEqual(255);
            if (index < strings.length - 1) expect(part.length).toBe(255);
          }
          const text = decodeText(strings);
          expect(text?.service).toBe(service);
          expect(Object.entries(text?.metadata ?? {}).sort()).toEqual(Object.entries(metadata).sort());
        },
      ),
      { numRuns: 20 },
    );
  });

  it('is read whatever the case of its keys, as Go reads JSON', () => {
    expect(decodeText(deflated('{"service":"a","VERSION":"2","metaData":{"k":"v"}}'))).toMatchObject({
      service: 'a',
      version: '2',
      metadata: { k: 'v' },
    });
  });

  it('is nothing when it is something else', () => {
    const others = [
      [],
      [Buffer.from('xyz')],
      deflated('no json'),
      deflated('[1]'),
      deflated('null'),
      deflated('{"Service":7}'),
    ];
    for (const strings of others) expect(decodeText(strings)).toBeUndefined();
  });

  it('loses fields that are of another kind than they should be, and keeps the rest', () => {
    const text = decodeText(
      deflated(
        '{"Service":"a","Version":1,"Endpoints":[7,{"name":"E","request":{"values":[{"name":"x"},3]}}],"Metadata":{"a":"b","c":4}}',
      ),
    );
    expect(text).toMatchObject({ version: '', metadata: { a: 'b' } });
    expect(text?.endpoints).toEqual([
      {
        name: 'E',
        request: { name: '', type: '', values: [{ name: 'x', type: '', values: [] }] },
        response: undefined,
        metadata: {},
      },
    ]);
  });

  it('is refused when it would inflate to more than a mebibyte, and when it nests without end', () => {
    expect(
      decodeText(deflated(JSON.stringify({ Service: 'a', Version: 'x'.repeat(20 * 1024 * 1024) }))),
    ).toBeUndefined();
    const nested = `${'{"values":['.repeat(50_000)}${']}'.repeat(50_000)}`;
    expect(decodeText(deflated(`{"Service":"a","Endpoints":[{"name":"E","request":${nested}}]}`))?.service ?? 'a').toBe(
      'a',
    );
  });
});
