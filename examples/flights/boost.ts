/** Gradient-boosted trees for a 0/1 target, in a hundred lines: histogram splits, depth-wise, logistic loss. */

export interface Binned {
  rows: number;
  /** Bin of each row, one array a column. */
  bins: Uint8Array[];
  /** Upper edge of each bin but the last; a row is in the first bin whose edge is not below it. */
  edges: number[][];
}

/** Cuts each column at its quantiles, at most `limit` bins. A missing number falls in the first bin. */
export function binColumns(columns: Float64Array[], limit: number): Binned {
  const edges = columns.map((column) => {
    const sorted = column.filter((v) => !Number.isNaN(v)).sort();
    const cuts = Array.from({ length: limit - 1 }, (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / limit)]!);
    return [...new Set(cuts)];
  });
  const bins = columns.map((column, c) =>
    Uint8Array.from(column, (v) => (Number.isNaN(v) ? 0 : lowerBound(edges[c]!, v))),
  );
  return { rows: columns[0]?.length ?? 0, bins, edges };
}

function lowerBound(edges: number[], value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface Tree {
  feature: number[];
  threshold: number[];
  value: number[];
}

interface BoostOptions {
  trees: number;
  depth: number;
  /** Learning rate. */
  rate: number;
}

/** Newton boosting on the log loss (Friedman 2001, with the second-order leaf of Chen & Guestrin 2016). */
export function boost(data: Binned, truth: Float64Array, options: BoostOptions): { base: number; trees: Tree[] } {
  const share = truth.reduce((sum, y) => sum + y, 0) / truth.length;
  const base = Math.log(share / (1 - share));
  const score = new Float64Array(data.rows).fill(base);
  const gradient = new Float64Array(data.rows);
  const hessian = new Float64Array(data.rows);
  const trees: Tree[] = [];
  for (let t = 0; t < options.trees; t++) {
    for (let row = 0; row < data.rows; row++) {
      const p = 1 / (1 + Math.exp(-score[row]!));
      gradient[row] = truth[row]! - p;
      hessian[row] = p * (1 - p);
    }
    const { tree, leaf } = grow(data, gradient, hessian, options);
    for (let row = 0; row < data.rows; row++) score[row]! += tree.value[leaf[row]!]!;
    trees.push(tree);
  }
  return { base, trees };
}

const REGULARIZATION = 10;
const MINIMUM_HESSIAN = 20;

function grow(data: Binned, gradient: Float64Array, hessian: Float64Array, { depth, rate }: BoostOptions) {
  const size = 2 ** (depth + 1) - 1;
  const tree: Tree = { feature: Array(size).fill(-1), threshold: Array(size).fill(0), value: Array(size).fill(0) };
  const node = new Uint16Array(data.rows);
  for (let level = 0; level <= depth; level++) {
    const first = 2 ** level - 1;
    const width = 2 ** level;
    const cut = new Int16Array(width).fill(-1);
    const best = new Float64Array(width);
    const totals = sums(node, gradient, hessian, first, width);
    for (let n = 0; n < width; n++)
      tree.value[first + n] = (rate * totals.gradient[n]!) / (totals.hessian[n]! + REGULARIZATION);
    if (level === depth) break;
    data.bins.forEach((bins, column) => {
      const count = data.edges[column]!.length + 1;
      const g = new Float64Array(width * count);
      const h = new Float64Array(width * count);
      for (let row = 0; row < data.rows; row++) {
        const n = node[row]! - first;
        if (n < 0) continue;
        const at = n * count + bins[row]!;
        g[at]! += gradient[row]!;
        h[at]! += hessian[row]!;
      }
      for (let n = 0; n < width; n++) {
        let gl = 0;
        let hl = 0;
        const gt = totals.gradient[n]!;
        const ht = totals.hessian[n]!;
        for (let b = 0; b < count - 1; b++) {
          gl += g[n * count + b]!;
          hl += h[n * count + b]!;
          if (hl < MINIMUM_HESSIAN || ht - hl < MINIMUM_HESSIAN) continue;
          const gain =
            gl ** 2 / (hl + REGULARIZATION) +
            (gt - gl) ** 2 / (ht - hl + REGULARIZATION) -
            gt ** 2 / (ht + REGULARIZATION);
          if (gain > best[n]!) {
            best[n] = gain;
            cut[n] = b;
            tree.feature[first + n] = column;
            tree.threshold[first + n] = data.edges[column]![b]!;
          }
        }
      }
    });
    for (let row = 0; row < data.rows; row++) {
      const n = node[row]! - first;
      if (n < 0 || cut[n] === -1) continue;
      node[row] = 2 * node[row]! + (data.bins[tree.feature[first + n]!]![row]! > cut[n]! ? 2 : 1);
    }
  }
  return { tree, leaf: node };
}

function sums(node: Uint16Array, gradient: Float64Array, hessian: Float64Array, first: number, width: number) {
  const total = { gradient: new Float64Array(width), hessian: new Float64Array(width) };
  for (let row = 0; row < node.length; row++) {
    const n = node[row]! - first;
    if (n < 0) continue;
    total.gradient[n]! += gradient[row]!;
    total.hessian[n]! += hessian[row]!;
  }
  return total;
}
