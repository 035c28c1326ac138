/** The flights-sklearn example with MLflow's own client: what train.py logs stands in the pipeline's run, also without a server. */

import { expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { freshFolder, trimtab, trimtabJson } from "../program.ts";
import { pythonWith } from "../python.ts";

const python = await pythonWith("mlflow3");

interface Shown {
  params: Record<string, string>;
  metrics: Record<string, number>;
  status: string;
}

test.if(python !== undefined)(
  "mlflow.start_run() in a step lands in the pipeline's run",
  async () => {
    const folder = freshFolder("mlflow-sklearn");
    try {
      const home = join(folder.path, "flights");
      expect((await trimtab(["init", "--template", "flights-sklearn", home], { cwd: folder.path })).exit).toBe(0);
      symlinkSync(dirname(dirname(python!)), join(home, ".venv"));
      const small = ["--param", "rows=20000", "--param", "trees=10"];
      const ran = await trimtabJson<{ runId: string }>(["run", ...small], { cwd: home });
      const run = await trimtabJson<Shown>(["runs", "show", ran.runId], { cwd: home });
      expect(run.status).toBe("FINISHED");
      expect(run.params).toMatchObject({ trees: "10", rate: "0.2", rows: "20000" });
      // Only train.py logs this one.
      expect(run.metrics.validation_log_loss).toBeLessThan(0.6);
      // What Trimtab measured stands beside what the step logged.
      expect(run.metrics.roc_auc).toBeGreaterThan(0.6);
    } finally {
      folder.remove();
    }
  },
  300_000,
);
