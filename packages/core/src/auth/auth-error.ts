import type { Code } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

const ID = 'go.micro.auth';

/** An error of an auth provider, or of rules. Its text never holds a token or a secret. */
export function authError(code: Code, detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: ID, code, detail, cause });
}

/** A foreign value as a part of a text: quoted, and short. */
export function shown(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 80));
}
