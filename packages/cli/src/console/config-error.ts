import { CODE, MicroError } from '@micro/core';

/** A settings file, or a project, that cannot be used as it is: the program ends with 78. */
export function configError(detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: 'go.micro.cmd', code: CODE.badRequest, detail, cause });
}
