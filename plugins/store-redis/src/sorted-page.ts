import { compareCodePoints, type KeyRange } from '@micro/core/plugin';

/** Keys are sorted and cut when there are so many more of them than the page needs. */
const SLACK = 10_000;

/** Collects the keys of one page from all keys in any order, each as often as it comes. */
export interface PageCollector {
  add(key: string): void;
  /** The page: sorted, and each key once. */
  page(): string[];
}

/** A collector that keeps in memory what may still be in the page, and not every key there is. */
export function pageCollector({ offset, limit }: Pick<KeyRange, 'offset' | 'limit'>): PageCollector {
  const needed = offset + limit;
  let keys: string[] = [];
  /** No key that sorts after this one is in the page. */
  let last: string | undefined;

  const cut = (): void => {
    keys = sortedOnce(keys);
    if (keys.length < needed) return;
    keys.length = needed;
    last = keys.at(-1);
  };

  return {
    add(key) {
      if (last !== undefined && compareCodePoints(key, last) >= 0) return;
      keys.push(key);
      if (keys.length >= needed + SLACK) cut();
    },
    page() {
      cut();
      return offset === 0 ? keys : keys.slice(offset);
    },
  };
}

/** A code unit from here on sorts differently in JavaScript and in UTF-8. */
const ODD = /[\ud800-\uffff]/;

function sortedOnce(keys: string[]): string[] {
  // JavaScript's own order is that of UTF-8 below U+D800, and several times as fast as asking for it.
  if (keys.some((key) => ODD.test(key))) keys.sort(compareCodePoints);
  else keys.sort();
  return keys.filter((key, at) => key !== keys[at - 1]);
}
