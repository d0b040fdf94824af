import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { onAbort, prettyLines } from '@micro/core/plugin';
import { hasColors, type Terminal } from '../console/terminal.ts';
import { visible, visibleLines } from '../console/visible.ts';

/** Takes what services write and what is said about them, line by line. */
export interface DevOutput {
  /** Writes a line of a service to the stream that it was written to. A promise is to be waited for before the next one. */
  line(service: string, stream: 'stdout' | 'stderr', text: string): void | Promise<void>;
  /** Says something about a service, or about all of them, on stderr. */
  say(text: string, service?: string): void;
}

/** Settings of an output. */
export interface DevOutputOptions {
  readonly terminal: Terminal;
  /** All services there are. */
  readonly services: readonly string[];
  /** Tells people a line, on stderr. */
  readonly say: (line: string) => void;
  /** When it aborts, what is written is not held up by a slow reader any more. */
  readonly signal: AbortSignal;
}

const COLORS = ['cyan', 'yellow', 'green', 'magenta', 'blue', 'cyanBright', 'yellowBright', 'greenBright'] as const;

/** What `micro run` calls itself among the services. */
const OWN_NAME = 'micro';

/** A line of the default logger of core. */
const LOG_LINE = /^\{"level":"(?:trace|debug|info|warn|error|fatal)","time":".*\}$/;

/**
 * Makes the output of services. Each line has the name of its service before it, in a colour of its own on a terminal, where
 * the JSON lines of core's logger are made readable too; piped they are as they were written.
 */
export function createDevOutput({ terminal, services, signal, ...options }: DevOutputOptions): DevOutput {
  const width = Math.max(...[OWN_NAME, ...services].map((name) => visible(name).length));
  const sides = { stdout: createSide('stdout'), stderr: createSide('stderr') };

  function createSide(which: 'stdout' | 'stderr') {
    const stream = terminal[which];
    const colored = hasColors(stream, terminal.env);
    return {
      prefixes: new Map([OWN_NAME, ...services].map((name, at) => [name, prefixOf(name, at, colored)])),
      write: createWrite(stream, signal),
      readable: stream.isTTY === true ? readableLines(colored) : (text: string) => text,
    };
  }

  function prefixOf(name: string, at: number, colored: boolean): string {
    const prefix = `[${visible(name)}]`.padEnd(width + 2);
    if (!colored) return `${prefix} `;
    // Who is meant is known: the stream that it goes to has colours, whatever stdout is.
    return `${styleText(at === 0 ? 'bold' : (COLORS[(at - 1) % COLORS.length] ?? 'cyan'), prefix, ANY_STREAM)} `;
  }

  return {
    line(service, which, text) {
      const { prefixes, write, readable } = sides[which];
      const prefix = prefixes.get(service) ?? `[${service}] `;
      const lines = readable(text).split('\n');
      return write(lines.map((line) => `${prefix}${line}\n`).join(''));
    },
    say(text, service) {
      const prefix = `${sides.stderr.prefixes.get(OWN_NAME)}`;
      options.say(`${prefix}${visibleLines(service === undefined ? text : `${service}: ${text}`, `${prefix}  `)}`);
    },
  };
}

const ANY_STREAM = { validateStream: false };

function readableLines(colored: boolean): (text: string) => string {
  let written = '';
  let pretty: ReturnType<typeof prettyLines> | undefined;
  return (text) => {
    if (!LOG_LINE.test(text)) return text;
    pretty ??= prettyLines({ write: (line) => (written = line) }, colored);
    pretty.write(text);
    return written.trimEnd();
  };
}

/** Writes to a stream, and says when it is full. All who wait for it wait for one and the same. */
function createWrite(stream: Writable, signal: AbortSignal): (text: string) => void | Promise<void> {
  let full: Promise<void> | undefined;
  let empty: () => void = () => {};
  let isGone = false;
  const gone = (): void => {
    isGone = true;
    empty();
  };
  stream.once('error', gone).once('close', gone);
  onAbort(signal, () => empty());
  return (text) => {
    if (isGone || stream.write(text) || signal.aborted) return;
    full ??= new Promise((resolve) => {
      empty = () => {
        full = undefined;
        stream.off('drain', empty);
        resolve();
      };
      stream.once('drain', empty);
    });
    return full;
  };
}
