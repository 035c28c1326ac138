/** A project small enough to run many times: 400 rows of CSV, two features, a model that is one line of JavaScript. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PIPELINE = `model: tiny
data:
  rows: data/rows.csv
steps:
  check:
    validate: rows
    expect:
      - column_values_to_not_be_null: [t, a, b, kind, label]
      - column_values_to_be_between: { column: a, min_value: -100, max_value: 100 }
  features:
    transform: rows
    spec: features.yaml
    split: { holdout: 0.25, by: t }
    outs: [build/train.parquet, build/holdout.parquet]
  train:
    cmd: sh train.sh \${weight}
    deps: [train.sh, build/train.parquet]
    outs: [build/model]
    params: { weight: 1 }
  evaluate:
    evaluate: build/model
    on: build/holdout.parquet
    target: label
    metrics: [accuracy, log_loss]
gate:
  accuracy: { min: 0.8 }
monitor:
  drift: { test: psi, threshold: 0.5, window: 1000 }
`;

const FEATURES = `time: t
target: { label: label }
features:
  numbers: [a, b]
  kinds:
    columns: [kind]
    one_hot: {}
verbose_feature_names_out: false
`;

/** P(1) = sigmoid(weight * (a + b)); the label is 1 where a + b > 0. */
const TRAIN = `mkdir -p build/model
cat > build/model/model.js <<EOF
export function predict(columns, rows) {
  const { a, b } = columns;
  return Float64Array.from({ length: rows }, (_, i) => 1 / (1 + Math.exp(-$1 * (a[i] + b[i]))));
}
EOF
`;

/** What \`data/rows.csv\` holds: the same rows each time. */
export function csv(rows = 400): string {
  const lines = ["t,a,b,kind,label"];
  for (let i = 0; i < rows; i++) {
    const [a, b] = [Math.sin(i * 12.9898) * 2, Math.sin(i * 78.233) * 2];
    const time = new Date(Date.UTC(2024, 0, 1) + i * 3_600_000).toISOString().slice(0, 19);
    lines.push(`${time},${a.toFixed(4)},${b.toFixed(4)},${i % 3 === 0 ? "x" : "y"},${a + b > 0 ? 1 : 0}`);
  }
  return `${lines.join("\n")}\n`;
}

export const ROW = { t: "2024-02-01T00:00:00Z", a: 1, b: 0.5, kind: "x" };

/** Writes the project into a folder; `change` edits pipeline.yaml. */
export function writeProject(folder: string, change: (pipeline: string) => string = (text) => text): void {
  mkdirSync(join(folder, "data"), { recursive: true });
  writeFileSync(join(folder, "data/rows.csv"), csv());
  writeFileSync(join(folder, "features.yaml"), FEATURES);
  writeFileSync(join(folder, "train.sh"), TRAIN);
  writeFileSync(join(folder, "pipeline.yaml"), change(PIPELINE));
}
