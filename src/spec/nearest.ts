/** Which known name did the writer mean? */

/** Edits (insert, delete, replace, swap of neighbours) between two words: optimal string alignment distance. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

const plain = (word: string): string => word.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/** The known name that is nearest, if any is near: a third of its letters may differ, not all; case and punctuation count little. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  if (word.length > 100) return undefined;
  let best: string | undefined;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const name of known) {
    const distance = plain(name) === plain(word) ? 0.5 : editDistance(word, name);
    const length = Math.max(name.length, word.length);
    if (distance < bestScore && distance < length && distance <= Math.max(1, Math.floor(length / 3))) {
      best = name;
      bestScore = distance;
    }
  }
  return best;
}

/** The mend of an unknown name: the nearest one first, then all of them (when they are not many). */
export function mendName(word: string, known: Iterable<string>, kind: string): string {
  const names = [...new Set(known)];
  if (names.length === 0) return `there are no ${kind} here; remove it`;
  const near = nearest(word, names);
  if (near !== undefined && names.length > 8) return `write ${near}`;
  const shown = names.length > 12 ? `${names.slice(0, 12).join(", ")}, …` : names.join(", ");
  return near === undefined ? `use one of the ${kind}: ${shown}` : `write ${near}; the ${kind} are ${shown}`;
}
