import type { Row } from './result.ts';

interface Column {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** Shown only where one of the rows has it. Default: always. */
  readonly has?: (row: Row) => boolean;
}

const hasBaseline = (row: Row) => row.ratioToRawNet !== null;
const hasBare = (row: Row) => row.ratioToBare !== null;

const COLUMNS: readonly Column[] = [
  { title: 'peer', cell: (row) => row.peer },
  { title: 'per second', cell: (row) => thousands(row.rate) },
  { title: '÷ raw-net', cell: (row) => times(row.ratioToRawNet), has: hasBaseline },
  { title: '÷ bare', cell: (row) => times(row.ratioToBare), has: hasBare },
  { title: 'p50 µs', cell: (row) => microseconds(row.p50Us) },
  { title: '÷', cell: (row) => times(row.p50ToRawNet), has: hasBaseline },
  { title: 'p99 µs', cell: (row) => microseconds(row.p99Us) },
  { title: 'max µs', cell: (row) => microseconds(row.maxUs), has: (row) => row.work === 'registry' },
  { title: 'CPU s / 10 k', cell: (row) => row.cpuSecondsPer10k.toFixed(4) },
  { title: '÷', cell: (row) => times(row.cpuToRawNet), has: hasBaseline },
  { title: '÷ bare', cell: (row) => times(row.cpuToBare), has: hasBare },
  {
    title: 'B / call',
    cell: (row) => (row.wireBytesPerCall === null ? '-' : thousands(row.wireBytesPerCall)),
    has: (row) => row.wireBytesPerCall !== null,
  },
  { title: 'RSS MB', cell: (row) => row.rssMb.toFixed(0) },
  { title: '÷', cell: (row) => times(row.rssToRawNet), has: hasBaseline },
  { title: 'noise', cell: (row) => `${(row.noise * 100).toFixed(0)} %` },
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
  const columns = COLUMNS.filter(({ has = () => true }) => group.some(has));
  const cells = [columns.map(({ title }) => title), ...group.map((row) => columns.map(({ cell }) => cell(row)))];
  const widths = columns.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
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
