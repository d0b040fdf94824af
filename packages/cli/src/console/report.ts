import { styleText } from 'node:util';
import { CODE, MicroError } from '@micro/core';
import { detailOf } from './detail-of.ts';
import { type Format, toJson } from './output.ts';
import { hasColors, type Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';
import { visible, visibleLines } from './visible.ts';

/**
 * Says on stderr what went wrong. With `-o json` or `ndjson` it is go-micro's error object, one line, whatever was thrown.
 */
export function reportError(error: unknown, terminal: Terminal, format: Format): void {
  const { stderr, env } = terminal;
  if (format === 'json' || format === 'ndjson') {
    const usual = { id: 'micro', code: error instanceof UsageError ? CODE.badRequest : CODE.internal };
    const { id, code, detail, status } = MicroError.from(error, usual);
    stderr.write(`${toJson({ id, code, detail, status })}\n`);
    return;
  }
  const label = hasColors(stderr, env) ? styleText('red', 'error:') : 'error:';
  stderr.write(`${label} ${wordsOf(error)}\n`);
}

function wordsOf(error: unknown): string {
  if (!(error instanceof MicroError)) return visible(detailOf(error));
  const by = error.id === 'micro' || error.id === '' || error.id.startsWith('go.micro.') ? '' : `${error.id}: `;
  return `${visibleLines(by + error.detail)}${error.code === 0 ? '' : ` (${error.code})`}`;
}
