/** A step with a grid that logs with MLflow's own client, also without a server: each combination is a run inside the pipeline's. */

import { expect, test } from "bun:test";
import { symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { freshFolder, trimtab, trimtabJson } from "../program.ts";
import { pythonWith } from "../python.ts";
import { CLIENTS } from "./client.ts";

const PIPELINE = `model: searched
steps:
  train:
    cmd: python train.py --depth \${depth} --out out/model.txt
    deps: [train.py]
    outs: [out/model.txt]
    params: { depth: 1 }
    grid: { depth: [1, 2, 3] }
    best: { max: score }
`;

/** Depth 2 is the best; each logs a history, a param of its own and an artifact. */
const TRAIN = `import argparse, mlflow, pathlib
a = argparse.ArgumentParser(); a.add_argument("--depth", type=int); a.add_argument("--out")
args = a.parse_args()
with mlflow.start_run() as run:
    mlflow.log_param("own", args.depth * 10)
    for step in range(3):
        mlflow.log_metric("score", 1 - abs(args.depth - 2) / 2 - (2 - step) / 10, step=step)
    mlflow.log_text("notes", "notes.txt")
    pathlib.Path(args.out).write_text(f"{args.depth} {run.info.run_id}")
`;

interface Shown {
  id: string;
  name: string;
  status: string;
  parentId?: string;
  params: Record<string, string>;
  tags: Record<string, string>;
  metrics: Record<string, number>;
}

for (const client of CLIENTS) {
  const python = await pythonWith(client);
  test.if(python !== undefined)(
    `${client}: every combination is a run of its own inside the pipeline's`,
    async () => {
      const folder = freshFolder("mlflow-grid");
      const cwd = folder.path;
      try {
        writeFileSync(join(cwd, "pipeline.yaml"), PIPELINE);
        writeFileSync(join(cwd, "train.py"), TRAIN);
        symlinkSync(dirname(dirname(python!)), join(cwd, ".venv"));
        const { runId } = await trimtabJson<{ runId: string }>(["run"], { cwd });
        const { runs } = await trimtabJson<{ runs: Shown[] }>(["runs", "list"], { cwd });
        const inside = runs.filter((run) => run.parentId === runId).sort((a, b) => (a.name < b.name ? -1 : 1));
        expect(inside.map(({ name, status, params, metrics }) => ({ name, status, params, metrics }))).toEqual(
          [1, 2, 3].map((depth) => ({
            name: `train@depth=${depth}`,
            status: "FINISHED",
            params: { depth: `${depth}`, own: `${depth * 10}` },
            metrics: { score: depth === 2 ? 1 : 0.5 },
          })),
        );
        expect(await Bun.file(join(cwd, "out/model.txt")).text()).toBe(`2 ${inside[1]!.id}`);
        const whole = runs.find((run) => run.id === runId)!;
        expect(whole).toMatchObject({ status: "FINISHED", params: { depth: "2" }, metrics: { score: 1 } });
        expect(runs.length).toBe(4);
        expect((await trimtab(["run"], { cwd })).stdout).toContain("nothing to do");
        expect(inside.map((run) => run.tags["trimtab.pipeline"])).toEqual(Array(3).fill("pipeline.yaml"));
        const compared = await trimtab(["runs", "compare", ...inside.map((run) => run.id)], { cwd });
        expect(compared.stdout).toContain("* train@depth=1  last 0.5 at step 2");
      } finally {
        folder.remove();
      }
    },
    300_000,
  );
}
