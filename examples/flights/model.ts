/** Serves trees.json, which lies beside it: the probability that a flight is late. Copied into the model's folder by train.ts. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Tree {
  /** Column each node splits on; -1 for a leaf. Node n has the children 2n+1 and 2n+2. */
  feature: number[];
  threshold: number[];
  value: number[];
}

const model = JSON.parse(readFileSync(join(import.meta.dir, "trees.json"), "utf8"));
const { features, base, trees } = model as { features: string[]; base: number; trees: Tree[] };
const compact = trees.map((tree) => ({
  feature: Int16Array.from(tree.feature),
  threshold: Float64Array.from(tree.threshold),
  value: Float64Array.from(tree.value),
}));

/** `columns`: one Float64Array a feature; gives P(late) for each row. A missing number goes left. */
export function predict(columns: Record<string, Float64Array>, rows: number): Float64Array {
  const inputs = features.map((name) => columns[name]!);
  const score = new Float64Array(rows).fill(base);
  for (const { feature, threshold, value } of compact) {
    for (let row = 0; row < rows; row++) {
      let node = 0;
      let split = feature[0]!;
      while (split >= 0) {
        node = 2 * node + (inputs[split]![row]! > threshold[node]! ? 2 : 1);
        split = feature[node]!;
      }
      score[row]! += value[node]!;
    }
  }
  for (let row = 0; row < rows; row++) score[row] = 1 / (1 + Math.exp(-score[row]!));
  return score;
}
