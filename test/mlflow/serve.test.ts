/** Folders that MLflow's flavours write, unchanged, are served by our runtimes with the answers that MLflow itself gives. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { chmod, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadVersion } from "../../src/serving/runtime.ts";
import { pythonWith } from "../python.ts";
import { CLIENTS } from "./client.ts";

const FLAVORS = ["sklearn", "pickled", "xgboost", "xgboost_booster", "lightgbm", "lightgbm_booster", "onnx", "pyfunc"];

interface Saved {
  columns: Record<string, number[]>;
  answers: Record<string, number[]>;
}

async function save(python: string, folder: string): Promise<Saved> {
  const child = Bun.spawn([python, join(import.meta.dir, "save_models.py")], {
    cwd: folder,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, said] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(said.slice(-3000));
  return JSON.parse(out) as Saved;
}

for (const client of CLIENTS) {
  const python = await pythonWith(client);
  describe(client, () => {
    const folder = mkdtempSync(join(tmpdir(), "trimtab-flavors-"));
    let saved: Saved;
    beforeAll(async () => {
      if (python !== undefined) saved = await save(python, folder);
    }, 120_000);
    afterAll(() => rm(folder, { recursive: true, force: true }));

    for (const flavor of FLAVORS)
      test.if(python !== undefined)(
        `${flavor} answers as MLflow does`,
        async () => {
          const columns = Object.fromEntries(Object.entries(saved.columns).map(([k, v]) => [k, Float64Array.from(v)]));
          const model = await loadVersion(join(folder, flavor), { python: python!, root: folder });
          try {
            expect(model.manifest.inputs.map((input) => input.name)).toEqual(["a", "b"]);
            expect(model.manifest.runtime).toBe(flavor === "onnx" ? "onnx" : "python");
            const { values } = await model.predict({ rows: columns.a!.length, columns });
            const wanted = saved.answers[flavor]!;
            expect(values.length).toBe(wanted.length);
            for (const [i, value] of wanted.entries()) expect(Number(values[i])).toBeCloseTo(value, 5);
          } finally {
            await model.close();
          }
        },
        60_000,
      );

    test.if(python !== undefined)(
      "a Python without mlflow serves them too, but for what only mlflow can load, and says so",
      async () => {
        const empty = join(folder, "empty");
        await Bun.write(
          join(empty, "mlflow.py"),
          'raise ModuleNotFoundError("No module named \'mlflow\'", name="mlflow")\n',
        );
        const without = await pythonFirstIn(empty, python!);
        const load = (flavor: string) => loadVersion(join(folder, flavor), { python: without, root: folder });
        for (const flavor of ["pickled", "xgboost", "xgboost_booster", "lightgbm_booster"]) {
          const model = await load(flavor);
          const columns = Object.fromEntries(Object.entries(saved.columns).map(([k, v]) => [k, Float64Array.from(v)]));
          const { values } = await model.predict({ rows: columns.a!.length, columns });
          for (const [i, value] of saved.answers[flavor]!.entries()) expect(Number(values[i])).toBeCloseTo(value, 5);
          await model.close();
        }
        await expect(load("pyfunc")).rejects.toThrow(/pip install mlflow/);
      },
      60_000,
    );
  });
}

/** The same Python, which looks for modules in that folder first. */
async function pythonFirstIn(folder: string, python: string): Promise<string> {
  const path = join(folder, "python");
  await Bun.write(path, `#!/bin/sh\nPYTHONPATH='${folder}' exec '${python}' "$@"\n`);
  await chmod(path, 0o755);
  return path;
}
