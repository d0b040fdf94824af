import { open, readFile } from 'node:fs/promises';
import { findSourceMap, SourceMap, type SourceMapPayload } from 'node:module';
import { basename, dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reasonOf } from '@micro/core';
import { type Frame, frameKey } from './stacks.ts';

/** Finds the positions that people know: those in the source, not in what a compiler made of it. */
export interface SourcePositions {
  /** The frames as they are in the source. Those of files without a usable source map stay as they are. */
  resolve(frames: readonly Frame[]): Promise<readonly Frame[]>;
}

/** A file of code or a source map above this is not read: decoding one stops the process for about 50 ms per MB. */
const MAX_BYTES = 16 * 1024 * 1024;
/** So many frames are remembered, for the next time they are asked for. */
const MAX_KNOWN = 100_000;
/** What the library calls a function without a name. */
const ANONYMOUS = /^\(anonymous(?::L#\d+)?(?::C#\d+)?\)$/;

interface LoadedMap {
  readonly map: SourceMap;
  /** The folder that relative sources start from. */
  readonly folder: string;
}

/** Reads source maps of the files that turn up in profiles, when they do. `unusable` is told of each that is broken. */
export function sourcePositions(unusable: (file: string, reason: string) => void = () => {}): SourcePositions {
  const known = new Map<string, Frame>();
  const broken = new Set<string>();

  return {
    async resolve(frames) {
      const missing = new Map<string, Frame[]>();
      for (const frame of frames) {
        if (known.has(frameKey(frame))) continue;
        const path = pathOf(frame.file);
        const others = missing.get(path);
        if (others === undefined) missing.set(path, [frame]);
        else others.push(frame);
      }
      if (known.size + frames.length > MAX_KNOWN) known.clear();
      for (const [path, unknown] of missing) {
        const loaded = isAbsolute(path)
          ? await loadMap(path).catch((error: unknown) => {
              if (!broken.has(path)) unusable(path, reasonOf(error));
              broken.add(path);
              return undefined;
            })
          : undefined;
        for (const frame of unknown) known.set(frameKey(frame), positioned({ ...frame, file: path }, loaded));
      }
      return frames.map((frame) => known.get(frameKey(frame)) ?? named(frame));
    },
  };
}

function positioned(frame: Frame, loaded: LoadedMap | undefined): Frame {
  if (loaded === undefined || frame.line === 0) return named(frame);
  const entry = loaded.map.findEntry(frame.line - 1, Math.max(0, frame.column - 1));
  // The nearest mapping before it may be of an earlier line, which has nothing to do with it.
  if (!('originalSource' in entry) || entry.generatedLine !== frame.line - 1) return named(frame);
  return named({
    // What a bundler has shortened; the types of node do not know of it.
    name: 'name' in entry && typeof entry.name === 'string' ? entry.name : frame.name,
    file: sourceOf(entry.originalSource, loaded.folder),
    line: entry.originalLine + 1,
    column: entry.originalColumn + 1,
  });
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

async function loadMap(path: string): Promise<LoadedMap | undefined> {
  // What node knows already: with --enable-source-maps, and of loaders that compile in memory.
  const given = findSourceMap(path);
  if (given !== undefined) return { map: given, folder: dirname(path) };
  const code = await readBounded(path);
  if (code === undefined) return undefined;
  // The last comment of the file: the same words may stand in a string before it.
  const url = /\/\/[#@] ?sourceMappingURL=(\S+)\s*$/.exec(code.slice(Math.max(0, code.lastIndexOf('\n//'))))?.[1];
  if (url === undefined) return undefined;
  const inline = /^data:application\/json[^,]*?(;base64)?,(.*)$/s.exec(url);
  if (inline !== null) {
    const [, base64, data = ''] = inline;
    return decode(base64 === undefined ? decodeURIComponent(data) : Buffer.from(data, 'base64').toString(), path);
  }
  // Nothing is fetched from the network for a profile.
  if (/^[a-z][a-z0-9+.-]+:/i.test(url) && !url.startsWith('file:')) return undefined;
  const file = url.startsWith('file:') ? fileURLToPath(url) : resolve(dirname(path), decodeURIComponent(url));
  const text = await readBounded(file);
  return text === undefined ? undefined : decode(text, file);
}

function decode(text: string, file: string): LoadedMap {
  const payload: SourceMapPayload = JSON.parse(text);
  return { map: new SourceMap(payload), folder: resolve(dirname(file), payload.sourceRoot ?? '') };
}

/** A path where it is one; what a bundler made up (`webpack://…`) stays as it is. */
function sourceOf(source: string, folder: string): string {
  if (source.startsWith('file:')) return fileURLToPath(source);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(source)) return source;
  return resolve(folder, source);
}

/** The text of a file; `undefined` when there is none, or it is too large. */
async function readBounded(path: string): Promise<string | undefined> {
  try {
    const handle = await open(path);
    try {
      const { size } = await handle.stat();
      if (size > MAX_BYTES) return undefined;
    } finally {
      await handle.close();
    }
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}
