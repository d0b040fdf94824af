import type { MessageType } from '../contract/definition.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { reasonOf } from '../util/reason.ts';

/** The 400 for a value that has no bytes in a content type. An error that is a `MicroError` already stays as it is. */
export function cannotEncode(contentType: string, type: MessageType | undefined, cause: unknown): MicroError {
  return badRequest(`cannot encode ${nameOf(type)} as ${contentType}`, cause);
}

/** The 400 for bytes that are no value of a type. An error that is a `MicroError` already stays as it is. */
export function cannotDecode(contentType: string, type: MessageType | undefined, cause: unknown): MicroError {
  return badRequest(`cannot decode ${contentType} as ${nameOf(type)}`, cause);
}

function badRequest(text: string, cause: unknown): MicroError {
  if (cause instanceof MicroError) return cause;
  return new MicroError({ code: CODE.badRequest, detail: `${text}: ${reasonOf(cause)}`, cause });
}

function nameOf(type: MessageType | undefined): string {
  return type?.proto?.typeName || type?.name || 'a message';
}
