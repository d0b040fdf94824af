import { CODE, MicroError } from '@micro/core';

/**
 * What a method throws that is still to be written: 501, with what it was asked as the cause. `npm test` counts each case
 * that needs such a method as to do. Delete this file with its last use.
 */
export function notWritten(method: string, asked: Readonly<Record<string, unknown>>): MicroError {
  return new MicroError({
    id: '{{package}}',
    code: CODE.notImplemented,
    detail: `${method} is not written yet`,
    cause: asked,
  });
}
