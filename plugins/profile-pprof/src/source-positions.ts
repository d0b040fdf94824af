import { open } from 'node:fs/promises';
import { findSourceMap, type SourceMapPayload } from 'node:module';
import { basename, dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reasonOf, within } from '@micro/core/plugin';
import { type BasicSourceMapConsumer, type IndexedSourceMapConsumer, SourceMapConsumer } from 'source-map';
import { type Frame, frameKey } from './stacks.ts';

/** Finds the positions that people know: those in the source, not in what a compiler made of it. */
export interface SourcePositions {
  /**
   * The frames as they are in the source. Those of files without a usable source map stay as they are, and so do those
   * whose files could not be read within 5 s: they may be known the next time.
   */
  resolve(frames: readonly Frame[]): Promise<readonly Frame[]>;
}

/** A file of code or a source map above this is not read: decoding one stops the process for about 25 ms per MB. */
const MAX_BYTES = 16 * 1024 * 1024;
/** A file system may hang. */
const READ_MS = 5_000;
/** Each step of reading waits for a turn of the event loop, and a busy service has few: so many files take the same turns. */
const FILES_AT_ONCE = 64;
/** So many frames are remembered, for the next time they are asked for. */
const MAX_KNOWN = 100_000;
/** What the library calls a function without a name. */
const ANONYMOUS = /^\(anonymous(?::L#\d+)?(?::C#\d+)?\)$/;

/** The name that stands before the parameters of a function: `name(`, `name = (`, `name: async function(`. */
const NAME_BEFORE = /([\w$]+)\s*(?:[=:]\s*(?:async\b\s*)?(?:function\b\s*\*?\s*)?)?$/;
/** So far before the parameters it is looked for. */
const MAX_NAME = 200;

/** A file of code with its map. */
interface MappedCode {
  readonly lines: readonly string[];
  readonly map: BasicSourceMapConsumer | IndexedSourceMapConsumer;
  /** The folder that relative sources start from. */
  readonly folder: string;
}

/** Reads source maps of the files that turn up in profiles, when they do. `unusable` is told of each that is broken. */
export function sourcePositions(unusable: (file: string, reason: string) => void = () => {}): SourcePositions {
  const known = new Map<string, Frame>();
  const broken = new Set<string>();

  /** Finds frames of one file, and remembers them. */
  const learn = async (path: string, frames: readonly Frame[]): Promise<void> => {
    const found = await positionsIn(path, frames).catch((error: unknown) => {
      if (!broken.has(path)) unusable(path, reasonOf(error));
      broken.add(path);
      return undefined;
    });
    frames.forEach((frame, index) => {
      known.set(frameKey(frame), found?.[index] ?? named({ ...frame, file: path }));
    });
  };

  return {
    async resolve(frames) {
      // Before it is asked what is missing: what is forgotten after that would stay as it is.
      if (known.size + frames.length > MAX_KNOWN) known.clear();
      const missing = new Map<string, Frame[]>();
      for (const frame of frames) {
        if (known.has(frameKey(frame))) continue;
        const path = pathOf(frame.file);
        const others = missing.get(path);
        if (others === undefined) missing.set(path, [frame]);
        else others.push(frame);
      }
      const files = missing.entries();
      const readers = Array.from({ length: FILES_AT_ONCE }, async () => {
        for (const [path, unknown] of files) await learn(path, unknown);
      });
      await within(READ_MS, 'reading source maps', () => Promise.all(readers)).catch(() => {
        // A profile that is partly of what was compiled is better than none.
      });
      return frames.map((frame) => known.get(frameKey(frame)) ?? named({ ...frame, file: pathOf(frame.file) }));
    },
  };
}

/** Frames of one file. Throws when there is a map that makes no sense. */
async function positionsIn(path: string, frames: readonly Frame[]): Promise<readonly Frame[] | undefined> {
  const code = isAbsolute(path) ? await loadCode(path) : undefined;
  if (code === undefined) return undefined;
  try {
    return frames.map((frame) => positioned({ ...frame, file: path }, code));
  } finally {
    code.map.destroy();
  }
}

function positioned(frame: Frame, code: MappedCode): Frame {
  if (frame.line === 0) return named(frame);
  const { source, line, column } = code.map.originalPositionFor({
    line: frame.line,
    column: Math.max(0, frame.column - 1),
  });
  if (source === null || line === null) return named(frame);
  return named({
    name: originalName(frame, code) ?? frame.name,
    file: sourceOf(source, code.folder),
    line,
    column: (column ?? 0) + 1,
  });
}

/**
 * What a bundler has shortened. A function is where its parameters begin, and what the map says of that place may be the
 * name of the first of them: so it is asked about the place where the name of the function stands before it.
 */
function originalName({ name, line, column }: Frame, { lines, map }: MappedCode): string | undefined {
  const before = lines[line - 1]?.slice(0, column - 1) ?? '';
  const [, found = ''] = NAME_BEFORE.exec(before.slice(-MAX_NAME)) ?? [];
  if (found === '' || found !== name.slice(name.lastIndexOf('.') + 1)) return undefined;
  const at = before.lastIndexOf(found);
  const original = map.originalPositionFor({ line, column: at }).name;
  return original === null ? undefined : name.slice(0, name.length - found.length) + original;
}

/** A list of functions says nothing with twenty times `(anonymous)`, nor with positions that are in no source. */
function named(frame: Frame): Frame {
  if (!ANONYMOUS.test(frame.name) || frame.line === 0) return frame;
  return { ...frame, name: `(anonymous ${basename(frame.file)}:${frame.line}:${frame.column})` };
}

/** V8 calls modules by their URL, of which the library cuts off `file://` and leaves the rest encoded. */
function pathOf(file: string): string {
  if (!/^\/.*%[0-9a-f]{2}|^\/[a-z]:\//i.test(file)) return file;
  try {
    return fileURLToPath(`file://${file}`);
  } catch {
    return file;
  }
}

async function loadCode(path: string): Promise<MappedCode | undefined> {
  const text = await readBounded(path);
  if (text === undefined) return undefined;
  const decoded = async (map: SourceMapPayload | string, file: string): Promise<MappedCode> => ({
    lines: text.split('\n'),
    map: await new SourceMapConsumer(typeof map === 'string' ? map : { ...map, version: Number(map.version) }),
    folder: dirname(file),
  });
  // What node knows already: with --enable-source-maps, and of loaders that compile in memory.
  const given = findSourceMap(path);
  if (given !== undefined) return decoded(given.payload, path);
  // The last comment of the file: the same words may stand in a string before it.
  const url = /\/\/[#@] ?sourceMappingURL=(\S+)\s*$/.exec(text.slice(Math.max(0, text.lastIndexOf('\n//'))))?.[1];
  if (url === undefined) return undefined;
  const inline = /^data:application\/json[^,]*?(;base64)?,(.*)$/s.exec(url);
  if (inline !== null) {
    const [, base64, data = ''] = inline;
    return decoded(base64 === undefined ? decodeURIComponent(data) : Buffer.from(data, 'base64').toString(), path);
  }
  // Nothing is fetched from the network for a profile.
  if (/^[a-z][a-z0-9+.-]+:/i.test(url) && !url.startsWith('file:')) return undefined;
  const file = url.startsWith('file:') ? fileURLToPath(url) : resolve(dirname(path), decodeURIComponent(url));
  const map = await readBounded(file);
  return map === undefined ? undefined : decoded(map, file);
}

/** A path where it is one; what a bundler made up (`webpack://…`) stays as it is. */
function sourceOf(source: string, folder: string): string {
  if (source.startsWith('file:')) return fileURLToPath(source);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(source)) return source;
  return resolve(folder, source);
}

/** The text of a file; `undefined` when there is none, or it is too large. In as few steps as there can be. */
async function readBounded(path: string): Promise<string | undefined> {
  try {
    const handle = await open(path);
    try {
      const { size } = await handle.stat();
      if (size > MAX_BYTES) return undefined;
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(size), 0, size, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    return undefined;
  }
}
