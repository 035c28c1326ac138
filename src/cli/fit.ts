/**
 * Fits a table into the width of a terminal: the last column wraps inside itself, and where that is not enough the widest
 * texts are cut. What is piped is never fitted: a line a row is what grep and awk want.
 */

/** A column of text is not cut below this, and the last one is not wrapped into less. */
const CUT_MIN = 8;
const WRAP_MIN = 16;
const GAP = 2;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

export interface Shape {
  widths: readonly number[];
  /** Columns that are never cut: numbers, and ids that are to be copied. */
  whole: readonly boolean[];
}

/** The widths of the columns in so many characters a line, the gaps between them counted; unchanged when they cannot fit. */
export function fitWidths({ widths, whole }: Shape, lineChars: number): number[] {
  const fitted = [...widths];
  const last = fitted.length - 1;
  const least = whole[last] ? fitted[last]! : Math.min(fitted[last]!, WRAP_MIN);
  const over = () => sum(fitted.slice(0, last)) + GAP * last + least - lineChars;
  while (over() > 0) {
    const widest = fitted.reduce((w, width, i) => (i < last && !whole[i] && width > (fitted[w] ?? 0) ? i : w), -1);
    if (widest < 0 || fitted[widest]! <= CUT_MIN) break;
    fitted[widest]!--;
  }
  // Cut and still too wide would be the worst of both.
  if (over() > 0) return [...widths];
  const room = lineChars - sum(fitted.slice(0, last)) - GAP * last;
  if (!whole[last]) fitted[last] = Math.min(fitted[last]!, room);
  return fitted;
}

/** A cell as the lines that it takes: the last column wraps, the others are cut. */
export function fitCell(text: string, width: number, isLast: boolean): string[] {
  if (Bun.stringWidth(text) <= width) return [text];
  return isLast ? Bun.wrapAnsi(text, width, { hard: true }).split("\n") : [`${Bun.sliceAnsi(text, 0, width - 1)}…`];
}
