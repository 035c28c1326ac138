/**
 * How far two distributions over the same bins lie apart. Arguments are counts (or weights), reference first; they are made
 * shares here. All are 0 for equal shares and larger the further apart; only `jensenShannon` has an upper bound.
 *
 * Empty bins would make PSI and KL infinite. As Evidently 0.7 does it, a share of 0 becomes 0.0001, or a millionth of the
 * smallest share present when that is itself at most 0.0001.
 */

const FILL = 0.0001;

/** Population stability index Σ (r − c) ln(r / c): symmetric. Usual reading on ten bins: 0.1 is some change, 0.25 much. */
export function psi(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const r = filled(shares(reference));
  const c = filled(shares(current));
  let sum = 0;
  for (let i = 0; i < r.length; i++) sum += (r[i]! - c[i]!) * Math.log(r[i]! / c[i]!);
  return sum;
}

/** Kullback and Leibler's Σ r ln(r / c) over filled, renormalised shares (SciPy's `entropy(r, c)`); not symmetric. */
export function kl(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const r = shares(filled(shares(reference)));
  const c = shares(filled(shares(current)));
  let sum = 0;
  for (let i = 0; i < r.length; i++) sum += r[i]! * Math.log(r[i]! / c[i]!);
  return Math.max(0, sum);
}

/** Jensen and Shannon's distance: the square root of the divergence in nats, 0 to √ln 2 = 0.8326, as SciPy's; symmetric. */
export function jensenShannon(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const r = shares(reference);
  const c = shares(current);
  let sum = 0;
  for (let i = 0; i < r.length; i++) {
    const middle = (r[i]! + c[i]!) / 2;
    if (r[i]! > 0) sum += r[i]! * Math.log(r[i]! / middle);
    if (c[i]! > 0) sum += c[i]! * Math.log(c[i]! / middle);
  }
  return Math.sqrt(Math.max(0, sum / 2));
}

/** Counts as shares of their total; NaN when the total is 0. */
export function shares(counts: ArrayLike<number>): Float64Array {
  const result = Float64Array.from(counts);
  let total = 0;
  for (const count of result) total += count;
  return result.map((count) => count / total);
}

function filled(values: Float64Array): Float64Array {
  let smallest = Number.POSITIVE_INFINITY;
  for (const value of values) if (value > 0 && value < smallest) smallest = value;
  const fill = smallest <= FILL ? smallest / 1e6 : FILL;
  return values.map((value) => (value === 0 ? fill : value));
}
