import { distance } from 'fastest-levenshtein';

/** The one of `known` that was probably meant, or none when nothing is close. */
export function suggestion(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  // A third of the letters may be wrong, and two of a short word.
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const steps = distance(word.toLowerCase(), candidate.toLowerCase());
    if (steps < least) [best, least] = [candidate, steps];
  }
  return best;
}

/** `: did you mean helloworld?`, or nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const meant = suggestion(word, known);
  return meant === undefined ? '' : `: did you mean ${meant}?`;
}
