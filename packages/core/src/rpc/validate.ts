import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { MessageType } from '../contract/definition.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { reasonOf } from '../util/reason.ts';

/** More would not help the caller, and the text travels in a header. */
const MOST_ISSUES = 5;

/**
 * What the validator of a type makes of a value; the value itself when there is none. A promise only when the validator is
 * asynchronous. Throws a 400 that names the fields at fault, a 500 when the validator itself fails,
 * and a `MicroError` of the validator's own as it is.
 */
export function validate(type: MessageType, value: unknown): unknown {
  if (type.schema === undefined) return value;
  let result: StandardSchemaV1.Result<unknown> | Promise<StandardSchemaV1.Result<unknown>>;
  try {
    result = type.schema['~standard'].validate(value);
  } catch (cause) {
    throw validatorFailed(type, cause);
  }
  if (!(result instanceof Promise)) return accepted(type, result);
  return result.then(
    (settled) => accepted(type, settled),
    (cause: unknown) => {
      throw validatorFailed(type, cause);
    },
  );
}

function accepted(type: MessageType, result: StandardSchemaV1.Result<unknown>): unknown {
  if (result.issues === undefined) return result.value;
  const issues = result.issues.slice(0, MOST_ISSUES).map(issueText);
  const more = result.issues.length - issues.length;
  throw new MicroError({
    code: CODE.badRequest,
    detail: `${type.name || 'the message'} is not valid: ${issues.join('; ')}${more > 0 ? `; and ${more} more` : ''}`,
  });
}

function issueText({ path = [], message }: StandardSchemaV1.Issue): string {
  const field = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  return field === '' ? reasonOf(message) : `${reasonOf(field)}: ${reasonOf(message)}`;
}

function validatorFailed(type: MessageType, cause: unknown): MicroError {
  if (cause instanceof MicroError) return cause;
  const detail = `the validator of ${type.name || 'the message'} failed: ${reasonOf(cause)}`;
  return new MicroError({ code: CODE.internal, detail, cause });
}
