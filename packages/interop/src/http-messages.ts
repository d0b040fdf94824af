/** One HTTP/1.1 message as the bytes it was written in, as latin1 text. */
export type MessageText = string;

const HEAD_END = '\r\n\r\n';

/**
 * Cuts what one side of a connection wrote (latin1 text) into HTTP/1.1 messages, without judging them: by
 * `Content-Length`, or by chunks. What does not look like the start of a message, and what is incomplete, is the last
 * piece as it is.
 */
export function splitMessages(written: string): MessageText[] {
  const messages: MessageText[] = [];
  let at = 0;
  while (at < written.length) {
    const end = endOfMessage(written, at) ?? written.length;
    messages.push(written.slice(at, end));
    at = end;
  }
  return messages;
}

/** How many complete messages there are in what was written. */
export function countMessages(written: string): number {
  let count = 0;
  for (let at: number | undefined = 0; ; count++) {
    at = endOfMessage(written, at);
    if (at === undefined) return count;
  }
}

function endOfMessage(written: string, at: number): number | undefined {
  const headEnd = written.indexOf(HEAD_END, at);
  if (headEnd < 0) return undefined;
  const head = written.slice(at, headEnd + 2);
  const body = headEnd + HEAD_END.length;
  if (/\r\ntransfer-encoding: *chunked\r\n/i.test(head)) return endOfChunks(written, body);
  const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1];
  // A response without a length goes on until the connection ends; a request without one has no body.
  if (length === undefined && head.startsWith('HTTP/')) return undefined;
  const end = body + Number(length ?? 0);
  return end <= written.length ? end : undefined;
}

function endOfChunks(written: string, from: number): number | undefined {
  for (let at = from; ; ) {
    const line = written.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(written.slice(at, line), 16);
    at = line + 2 + size + 2;
    if (Number.isNaN(at) || at > written.length) return undefined;
    if (size === 0) return at;
  }
}
