import { visible } from '../console/visible.ts';

/** No column is wider: what is longer sticks out, and does not fill the rows of all others with spaces. */
const WIDEST = 80;

/** Rows of text in columns, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  const cells = rows.map((row) => row.map(visible));
  for (const row of cells) {
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, Math.min(cell.length, WIDEST));
    });
  }
  return cells
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
