/**
 * The distribution of Kolmogorov and Smirnov's one-sample statistic D for n values, two-sided. The choice of formula for
 * each n and d is R. Simard and P. L'Ecuyer, "Computing the Two-Sided Kolmogorov-Smirnov Distribution", J. Stat. Software
 * 39(11), 2011, which SciPy's `kstwo` follows too.
 */

import { binomialRaw } from "./beta.ts";
import { stirlingError } from "./gamma.ts";
import { type Matrix, matrixPower } from "./matrix.ts";

/** Above this n the one-sided tail is taken from its expansion, off by less than 1e-5 relative, instead of summed term by term. */
const SUMMED_MAX = 1_000_000;

/** P(D > d) for n values. n ≥ 1 whole, 0 ≤ d ≤ 1. */
export function kolmogorovSf(n: number, d: number): number {
  const t = n * d;
  if (t <= 0.5) return 1;
  if (d >= 1) return 0;
  // Ruben and Gambino's closed forms at both ends.
  if (t <= 1) return 1 - Math.exp(logFactorialShare(n) + n * Math.log(2 * t - 1));
  if (t >= n - 1) return 2 * (1 - d) ** n;
  const spread = t * d;
  if (d >= 0.5 || spread >= (n <= 140 ? 4 : 2.2)) return clip(2 * smirnovSf(n, d));
  const exact = n <= 140 || (n <= 100_000 && n * d ** 1.5 <= 1.4);
  return clip(1 - (exact ? durbin(n, d) : pelzGood(n, d)));
}

/** log(n! / nⁿ), without the two large logarithms. */
const logFactorialShare = (n: number): number => stirlingError(n) + Math.log(2 * Math.PI * n) / 2 - n;

const clip = (p: number): number => Math.min(1, Math.max(0, p));

/**
 * One-sided tail P(D⁺ > d): Σ_j C(n, j) (d + j/n)^(j−1) (1 − d − j/n)^(n−j) · d (Birnbaum and Tingey 1951), each term a
 * binomial probability; for large n, exp(−(6nd + 1)²/18n) (Maag and Dicaire 1971).
 */
function smirnovSf(n: number, d: number): number {
  if (n > SUMMED_MAX) return Math.exp(-((6 * n * d + 1) ** 2) / (18 * n));
  let sum = (1 - d) ** n;
  for (let j = 1; j < n * (1 - d); j++) {
    const p = d + j / n;
    if (p < 1) sum += (d / p) * binomialRaw(j, n - j, p, 1 - p);
  }
  return sum;
}

/**
 * P(D < d) as n!/nⁿ times an entry of a matrix power (J. Durbin 1973; G. Marsaglia, W. W. Tsang and J. Wang, J. Stat.
 * Software 8(18), 2003).
 */
function durbin(n: number, d: number): number {
  const k = Math.ceil(n * d);
  const h = k - n * d;
  const size = 2 * k - 1;
  const power = matrixPower(durbinMatrix(size, h), n);
  const entry = power.matrix[(k - 1) * size + k - 1]!;
  return Math.exp(Math.log(entry) + power.log + logFactorialShare(n));
}

function durbinMatrix(size: number, h: number): Matrix {
  const matrix = new Float64Array(size * size);
  const factorial = factorials(size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) if (i - j + 1 >= 0) matrix[i * size + j] = 1 / factorial[i - j + 1]!;
  for (let i = 0; i < size; i++) {
    const edge = h ** (i + 1) / factorial[i + 1]!;
    matrix[i * size]! -= edge;
    matrix[(size - 1) * size + size - 1 - i]! -= edge;
  }
  const corner = Math.max(0, 2 * h - 1) ** size / factorial[size]!;
  matrix[(size - 1) * size]! += corner;
  return matrix;
}

/** 0! to n!; beyond 170! the matrix entries are 0 as doubles too. */
function factorials(n: number): Float64Array {
  const values = new Float64Array(n + 1).fill(1);
  for (let i = 1; i <= n; i++) values[i] = values[i - 1]! * i;
  return values;
}

const SQRT_2_PI = 2.5066282746310007;
const PI2 = Math.PI ** 2;

/** P(D ≤ d) by the expansion K₀ + K₁/√n + K₂/n + K₃/n^1.5 of W. Pelz and I. J. Good, J. Royal Stat. Soc. B 38, 1976. */
function pelzGood(n: number, d: number): number {
  const z = Math.sqrt(n) * d;
  const z2 = z * z;
  const sums = [0, 0, 0, 0];
  for (let k = Math.ceil((16 * z) / Math.PI); k >= 1; k--) {
    const m = (k - 0.5) ** 2 * PI2;
    const weight = Math.exp(-m / (2 * z2));
    sums[0]! += weight;
    sums[1]! += (m - z2) * weight;
    sums[2]! += (6 * z2 ** 3 + 2 * z2 ** 2 + m * (2 * z2 ** 2 - 5 * z2) + m * m * (1 - 2 * z2)) * weight;
    sums[3]! += thirdTerm(m, z2) * weight;
  }
  let second = 0;
  let third = 0;
  for (let k = Math.ceil((16 * z) / Math.PI); k >= 1; k--) {
    const m = k * k * PI2;
    const weight = Math.exp(-m / (2 * z2));
    second += m * weight;
    third += (3 * z2 - m) * m * weight;
  }
  return (
    (SQRT_2_PI * sums[0]!) / z +
    (SQRT_2_PI * sums[1]!) / (6 * z2 ** 2) / Math.sqrt(n) +
    (SQRT_2_PI * (sums[2]! / (72 * z ** 7) - second / (36 * z ** 3))) / n +
    (SQRT_2_PI * (sums[3]! / (6480 * z ** 10) + third / (216 * z ** 6))) / n ** 1.5
  );
}

const thirdTerm = (m: number, z2: number): number =>
  -30 * z2 ** 3 -
  90 * z2 ** 4 +
  m * (135 * z2 ** 2 - 96 * z2 ** 3) +
  m * m * (212 * z2 ** 2 - 60 * z2) +
  m ** 3 * (5 - 30 * z2);
