import { CODE } from '../error/code.ts';
import { authError, shown } from './auth-error.ts';

const LONGEST_ID = 256;

/** Throws 400 unless it is a text of 1 to 256 characters without control characters and halves of characters. */
export function checkAccountId(id: unknown): void {
  if (typeof id === 'string' && id !== '' && id.length <= LONGEST_ID && !/[\p{Cc}\p{Cs}]/u.test(id)) return;
  throw authError(
    CODE.badRequest,
    `account id ${shown(id)} is not a text of 1 to ${LONGEST_ID} characters without control characters`,
  );
}
