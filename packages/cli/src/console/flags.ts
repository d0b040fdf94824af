import { createCmd, type Flags, MicroError } from '@micro/core';
import { UsageError } from './usage-error.ts';

/** go-micro's flags and variables as core reads them. Throws a usage error that names the bad one. */
export function readFlags(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Flags {
  try {
    return createCmd().parse({ argv, env });
  } catch (error) {
    if (error instanceof MicroError) throw new UsageError(error.detail, { cause: error });
    throw error;
  }
}
