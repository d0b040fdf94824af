import type { Code } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

const ID = 'go.micro.config';
const SHOWN_CHARACTERS = 60;

/** An error of the config or of one of its sources. */
export function configError(code: Code, detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: ID, code, detail, cause });
}

/** A path as errors write it. */
export function shownPath(path: readonly string[]): string {
  return path.length === 0 ? 'the root' : shortened(path.join('.'));
}

/** A value as errors write it: as JSON, and not too long. */
export function shownValue(value: unknown): string {
  return shortened(JSON.stringify(value) ?? String(value));
}

function shortened(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}
