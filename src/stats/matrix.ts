/** Powers of a square matrix of non-negative numbers that would leave the range of a double: the scale is kept apart. */

/** Row-major, size × size. */
export type Matrix = Float64Array;

export interface Scaled {
  matrix: Matrix;
  /** Natural logarithm of the factor that was taken out. */
  log: number;
}

/** The n-th power, by squaring; the true entries are `matrix` · e^`log`. */
export function matrixPower(base: Matrix, n: number): Scaled {
  const size = Math.sqrt(base.length);
  let result: Scaled = { matrix: identity(size), log: 0 };
  let square: Scaled = { matrix: base, log: 0 };
  for (let left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = product(result, square, size);
    if (left > 1) square = product(square, square, size);
  }
  return result;
}

function identity(size: number): Matrix {
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) matrix[i * size + i] = 1;
  return matrix;
}

function product(a: Scaled, b: Scaled, size: number): Scaled {
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let k = 0; k < size; k++) {
      const factor = a.matrix[i * size + k]!;
      if (factor !== 0) for (let j = 0; j < size; j++) matrix[i * size + j]! += factor * b.matrix[k * size + j]!;
    }
  return rescaled(matrix, a.log + b.log);
}

function rescaled(matrix: Matrix, log: number): Scaled {
  let largest = 0;
  for (const value of matrix) largest = Math.max(largest, Math.abs(value));
  if (largest > 1e-100 && largest < 1e100) return { matrix, log };
  return { matrix: matrix.map((value) => value / largest), log: log + Math.log(largest) };
}
