import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Loaded when a first line is written: not every program that imports core writes one. */
export function loadPino(): typeof import('pino') {
  return require('pino');
}
