import type { Socket as NetSocket } from 'node:net';
import { HEADER, OLD_PREFIX } from '../contract/header.ts';
import type { Header, Message } from '../contract/message.ts';
import { canonicalHeaderName, isHeaderName } from '../util/header-name.ts';

/** Fields that the framing writes itself, or that mean something on one hop alone: never taken from a message. */
const NEVER_WRITTEN: ReadonlySet<string> = new Set([
  HEADER.ID,
  OLD_PREFIX + HEADER.ID,
  HEADER.STREAM,
  OLD_PREFIX + HEADER.STREAM,
  HEADER.LOCAL,
  HEADER.REMOTE,
  'Connection',
  'Content-Length',
  'Expect',
  'Host',
  'Keep-Alive',
  'Proxy-Connection',
  'Te',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
]);

/** What a server of go-micro writes under its older name too. */
const WITH_TWIN: ReadonlySet<string> = new Set([HEADER.SERVICE, HEADER.METHOD, HEADER.ENDPOINT, HEADER.ERROR]);

const PLAIN = /^[\t\x20-\x7e]*$/;
const UNPRINTABLE = /[^\t\x20-\x7e\u0080-\uffff]/g;

/** A body of this size or more is handed to the kernel as it is instead of being copied behind its head. */
const COPY_BELOW = 32 * 1024;

/**
 * A value as it goes on the wire: what would end the line becomes a blank, as in Go, and each character of the result
 * stands for one byte of the UTF-8 text.
 */
export function fieldValue(value: string): string {
  if (PLAIN.test(value)) return value;
  return Buffer.from(value.replace(UNPRINTABLE, ' '), 'utf8').toString('latin1');
}

/** Writes out the fields of messages, each with its CRLF; a header that was seen before is not rendered again. */
export type RenderFields = (message: Message) => string;

/** Makes a renderer with a memory of its own. `twins` writes some fields under their older names too, as servers do. */
export function createFieldRenderer(twins: boolean): RenderFields {
  const rendered = new WeakMap<Header, string>();
  let latest: Header | undefined;
  let latestText = '';

  const render = (header: Header, except: Header | undefined): string => {
    let text = '';
    for (const key of Object.keys(header)) {
      const name = canonicalHeaderName(key);
      const value = header[key];
      if (value === undefined || NEVER_WRITTEN.has(name) || !isHeaderName(name)) continue;
      if (except !== undefined && Object.hasOwn(except, key)) continue;
      const line = `${name}: ${fieldValue(value)}\r\n`;
      text += line;
      if (twins && WITH_TWIN.has(name)) text += OLD_PREFIX + line;
    }
    return text;
  };

  const remembered = (header: Header): string => {
    if (header === latest) return latestText;
    let text = rendered.get(header);
    if (text === undefined) {
      text = render(header, undefined);
      rendered.set(header, text);
    }
    latest = header;
    latestText = text;
    return text;
  };

  return ({ header, extra }) => {
    if (extra === undefined) return remembered(header);
    for (const name of Object.keys(extra)) {
      if (Object.hasOwn(header, name)) return render(header, extra) + render(extra, undefined);
    }
    return remembered(header) + render(extra, undefined);
  };
}

/** Writes a head (latin1 text) and a body with one system call. */
export function writeMessage(socket: NetSocket, head: string, body: Uint8Array): void {
  if (body.length === 0) {
    socket.write(head, 'latin1');
  } else if (body.length < COPY_BELOW) {
    const bytes = Buffer.allocUnsafe(head.length + body.length);
    bytes.write(head, 0, 'latin1');
    bytes.set(body, head.length);
    socket.write(bytes);
  } else {
    socket.cork();
    socket.write(head, 'latin1');
    socket.write(body);
    socket.uncork();
  }
}

/** Gathers what is written during one turn of the event loop: the messages of a stream come many at a time. */
export function createTurnGatherer(socket: NetSocket): () => void {
  let corked = false;
  const uncork = (): void => {
    corked = false;
    socket.uncork();
  };
  return () => {
    if (corked) return;
    corked = true;
    socket.cork();
    process.nextTick(uncork);
  };
}
