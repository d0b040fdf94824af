import { expect, test } from 'vitest';
import { bytesCodec } from '../../src/codec/bytes-codec.ts';
import { codecTable } from '../../src/codec/codec-table.ts';
import { grpcCodec, grpcJsonCodec } from '../../src/codec/grpc-codec.ts';
import { jsonCodec } from '../../src/codec/json-codec.ts';
import { protobufCodec } from '../../src/codec/protobuf-codec.ts';

const codecs = [jsonCodec(), protobufCodec(), bytesCodec(), grpcCodec(), grpcJsonCodec()];

test('the default codecs serve the content types that go-micro registers', () => {
  expect(codecTable(codecs).contentTypes).toEqual([
    'application/json',
    'application/protobuf',
    'application/octet-stream',
    'application/grpc',
    'application/grpc+proto',
    'application/grpc+json',
  ]);
});

test('a content type is found to the letter and not otherwise', () => {
  const table = codecTable(codecs);
  expect(table.find('application/grpc+proto')?.name).toBe('grpc');
  expect(table.find('application/grpc+json')?.name).toBe('grpc-json');
  for (const other of ['application/json; charset=utf-8', 'Application/JSON', 'text/plain', '', '__proto__']) {
    expect(table.find(other), other).toBe(undefined);
  }
});

test('a later codec replaces an earlier one of the same content type', () => {
  const mine = { ...jsonCodec(), name: 'mine' };
  const table = codecTable([...codecs, mine]);
  expect(table.find('application/json')).toBe(mine);
  expect(table.contentTypes).toHaveLength(6);
});
