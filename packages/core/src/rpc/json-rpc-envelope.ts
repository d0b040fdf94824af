import { rawFirstElement, rawMembers } from '../util/json-scan.ts';
import { checkedHead, type LegacyEnvelope, reading } from './legacy-envelope.ts';

const NAME = 'json-rpc';
const EMPTY = new Uint8Array(0);

/**
 * JSON-RPC 1.0 as go-micro speaks it: `{"method","params":[body],"id"}` and `{"id","result","error"}`, with a line feed
 * behind. The value inside is taken out and put in as it is written, so no digit of a long integer is lost. An id is
 * written as a string, since Go gives large numbers back in another form; a number that is read keeps its digits. Without
 * `params`, which makes a Go server panic, the message is empty.
 */
export const jsonRpcEnvelope: LegacyEnvelope = {
  writeRequest({ method, id, body }) {
    const value = body.length === 0 ? '{}' : body;
    return join(`{"method":${JSON.stringify(method)},"params":[`, value, `],"id":${JSON.stringify(id)}}\n`);
  },

  readRequest(bytes) {
    return reading(NAME, () => {
      const members = rawMembers(textOf(bytes), ['method', 'params', 'id']);
      const head = checkedHead(readString(members.get('method'), 'the method'), readId(members.get('id')));
      const params = members.get('params');
      const value = params === undefined || params === 'null' ? undefined : rawFirstElement(params);
      return { ...head, body: value === undefined ? EMPTY : Buffer.from(value) };
    });
  },

  writeReply({ id, body, error }) {
    const value = body.length === 0 || error !== '' ? 'null' : body;
    return join(
      `{"id":${JSON.stringify(id)},"result":`,
      value,
      `,"error":${error === '' ? 'null' : JSON.stringify(error)}}\n`,
    );
  },

  readReply(bytes) {
    return reading(NAME, () => {
      const members = rawMembers(textOf(bytes), ['id', 'result', 'error']);
      const { id } = checkedHead('', readId(members.get('id')));
      const failed = (members.get('error') ?? 'null') !== 'null';
      // What a Go client says of an error without a text.
      if (failed)
        return { id, body: EMPTY, error: readString(members.get('error'), 'the error') || 'unspecified error' };
      const result = members.get('result');
      return { id, body: result === undefined ? EMPTY : Buffer.from(result), error: '' };
    });
  },
};

function readString(raw: string | undefined, what: string): string {
  const value: unknown = raw === undefined ? null : JSON.parse(raw);
  if (value === null) return '';
  if (typeof value !== 'string') throw new Error(`${what} is no string`);
  return value;
}

function readId(raw: string | undefined): string {
  const value: unknown = raw === undefined ? null : JSON.parse(raw);
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && raw !== undefined) return raw;
  throw new Error('the id is neither a string nor a number');
}

function join(before: string, value: Uint8Array | string, behind: string): Uint8Array {
  return Buffer.concat([
    Buffer.from(before),
    typeof value === 'string' ? Buffer.from(value) : value,
    Buffer.from(behind),
  ]);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
