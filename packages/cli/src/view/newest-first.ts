const NUMERIC = new Intl.Collator('en', { numeric: true });

/** Records of one service, the newest version first. `latest` is what go-micro calls a version that nobody named. */
export function newestFirst<T extends { readonly version: string }>(records: readonly T[]): readonly T[] {
  return [...records].sort((one, other) => compareVersions(other.version, one.version));
}

/** As semantic versions: numbers by their size, and a version before the one that it leads to. */
function compareVersions(one: string, other: string): number {
  if (one === other) return 0;
  if (one === 'latest' || other === 'latest') return one === 'latest' ? 1 : -1;
  const [release = '', ...pre] = one.replace(/^v/, '').split('-');
  const [otherRelease = '', ...otherPre] = other.replace(/^v/, '').split('-');
  const order = NUMERIC.compare(release, otherRelease);
  if (order !== 0) return order;
  if ((pre.length === 0) !== (otherPre.length === 0)) return pre.length === 0 ? 1 : -1;
  return NUMERIC.compare(pre.join('-'), otherPre.join('-'));
}
