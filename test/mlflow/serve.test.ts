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
/** Files of skops, which MLflow 2 does not write. */
const SKOPS = ["sklearn", "lightgbm", "trusted"];

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

    for (const flavor of client === "mlflow3" ? [...FLAVORS, "trusted"] : FLAVORS)
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
        const without = await pythonWithout(["mlflow"], join(folder, "no mlflow"), python!);
        const load = (flavor: string) => loadVersion(join(folder, flavor), { python: without, root: folder });
        const own = ["pickled", "xgboost", "xgboost_booster", "lightgbm_booster"];
        for (const flavor of client === "mlflow3" ? [...own, ...SKOPS] : own) {
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

    test.if(python !== undefined)(
      "a library that is missing is named with its package",
      async () => {
        const load = async (flavor: string, library: string) => {
          const without = await pythonWithout([library], join(folder, `no ${library}`), python!);
          return loadVersion(join(folder, flavor), { python: without, root: folder });
        };
        await expect(load("pickled", "sklearn")).rejects.toThrow(/pip install scikit-learn/);
        await expect(load("lightgbm_booster", "lightgbm")).rejects.toThrow(/pip install lightgbm/);
        if (client === "mlflow3")
          for (const flavor of SKOPS) await expect(load(flavor, "skops")).rejects.toThrow(/pip install skops/);
      },
      60_000,
    );
  });
}

/** The same Python, whose `sitecustomize` hides some libraries. */
async function pythonWithout(libraries: readonly string[], folder: string, python: string): Promise<string> {
  const path = join(folder, "python");
  await Bun.write(path, `#!/bin/sh\nPYTHONPATH='${folder}' exec '${python}' "$@"\n`);
  const hide = `from importlib.machinery import PathFinder
find = PathFinder.find_spec
hidden = ${JSON.stringify(libraries)}
PathFinder.find_spec = lambda name, *more: None if name.split(".")[0] in hidden else find(name, *more)
`;
  await Bun.write(join(folder, "sitecustomize.py"), hide);
  await chmod(path, 0o755);
  return path;
}
