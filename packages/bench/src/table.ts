import type { Row } from './result.ts';

const COLUMNS: readonly (readonly [title: string, cell: (row: Row) => string])[] = [
  ['peer', (row) => row.peer],
  ['per second', (row) => thousands(row.rate)],
  ['÷ raw-net', (row) => times(row.ratioToRawNet)],
  ['p50 µs', (row) => microseconds(row.p50Us)],
  ['÷', (row) => times(row.p50ToRawNet)],
  ['p99 µs', (row) => microseconds(row.p99Us)],
  ['CPU s / 10 k', (row) => row.cpuSecondsPer10k.toFixed(4)],
  ['÷', (row) => times(row.cpuToRawNet)],
  ['RSS MB', (row) => row.rssMb.toFixed(0)],
  ['÷', (row) => times(row.rssToRawNet)],
  ['noise', (row) => `${(row.noise * 100).toFixed(0)} %`],
];

/** Lays rows out for a terminal: one table per work and number in flight. */
export function table(rows: readonly Row[]): string {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const title = `${row.work}, ${row.inFlight} in flight`;
    groups.set(title, [...(groups.get(title) ?? []), row]);
  }
  return [...groups].map(([title, group]) => `${title}\n${lines(group).join('\n')}\n`).join('\n');
}

function lines(group: readonly Row[]): string[] {
  const cells = [COLUMNS.map(([title]) => title), ...group.map((row) => COLUMNS.map(([, cell]) => cell(row)))];
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}

/** 0 is no duration: nothing that was begun has ended while it was counted. */
function microseconds(us: number): string {
  return us === 0 ? '-' : us.toFixed(1);
}

function times(ratio: number | null): string {
  return ratio === null ? '-' : ratio.toFixed(2);
}

function thousands(value: number): string {
  return value.toLocaleString('en-US');
}
