import type { Step } from '../src/conversation.ts';

/** What matters in a message of a server: status, id, error, and the value in the body whatever its dialect. */
export function answerMeaning(bytes: string): object {
  const { start, header, body } = partsOf(bytes);
  const type = header.get('Content-Type') ?? '';
  return {
    status: start,
    id: header.get('Micro-Id'),
    error: header.get('Micro-Error'),
    // Go repeats the content type of the first request even where there is no body.
    type: body === '' ? '' : type,
    value: bodyValue(type, body),
  };
}

/** The meanings of what the server wrote. */
export function answersOf(steps: readonly Step[]): object[] {
  return steps.filter(({ from }) => from === 'server').map(({ bytes }) => answerMeaning(bytes));
}

/** Fields by which a client frames and numbers its messages, or names itself. */
const OWN = new Set(['Host', 'User-Agent', 'Content-Length', 'Transfer-Encoding', 'Micro-Id', 'Micro-Stream', 'Te']);

/** What matters in a message of a client: where it goes, its other fields, and the value in the body. */
export function requestMeaning(bytes: string): { start: string; fields: Record<string, string>; value: unknown } {
  const { start, header, body } = partsOf(bytes);
  const fields = Object.fromEntries([...header].filter(([name]) => !OWN.has(name)));
  const type = header.get('Content-Type') ?? '';
  const value = bodyValue(type, body);
  // The number of a call stands in the envelope of json-rpc, too.
  return { start, fields, value: type === 'application/json-rpc' ? { ...(value as object), id: '' } : value };
}

/** Start line, fields and body of one message; the chunks of a body put together. */
export function partsOf(bytes: string): { start: string; header: Map<string, string>; body: string } {
  const headEnd = bytes.indexOf('\r\n\r\n');
  const [start = '', ...lines] = bytes.slice(0, headEnd).split('\r\n');
  const header = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
  const body = bytes.slice(headEnd + 4);
  return { start, header, body: header.get('Transfer-Encoding') === 'chunked' ? unchunked(body) : body };
}

function unchunked(body: string): string {
  let all = '';
  for (let at = 0; ; ) {
    const line = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.slice(at, line), 16);
    if (line < 0 || !(size > 0)) return all;
    all += body.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}

function bodyValue(type: string, body: string): unknown {
  const prefixed = type.startsWith('application/grpc');
  const payload = prefixed ? body.slice(5) : body;
  if (payload === '' || !type.includes('json')) return payload;
  // An int64 is a bare number in Go and a string in protobuf's JSON; both are read everywhere.
  const quoted = payload.replaceAll(/(?<!\\)":(-?\d+)(?=[,}])/g, '":"$1"');
  try {
    return JSON.parse(Buffer.from(quoted, 'latin1').toString('utf8'));
  } catch {
    return payload;
  }
}
