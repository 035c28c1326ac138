/** Models that were trained on pandas' categories get text as such, and answer as they do in Python. */

import { afterAll, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { loadVersion } from "../../src/serving/runtime.ts";
import { pythonWith } from "../python.ts";
import { makePlace, number, writeFlavor } from "./helpers.ts";

const python = await pythonWith("mlflow3");
const place = makePlace();
afterAll(() => place.remove());

const TRAIN = `
import joblib, json, numpy as np, pandas as pd, lightgbm, xgboost
rng = np.random.default_rng(0)
X = pd.DataFrame({"a": rng.normal(size=300), "s": pd.Categorical(rng.choice(["x", "y", "z"], 300))})
y = ((X.s == "x") | (X.a > 1)).astype(int)
quick = {"n_estimators": 5}
few = {"min_data_per_group": 5, "cat_smooth": 1, "verbose": -1}
xgb = xgboost.XGBRegressor(enable_categorical=True, **quick).fit(X, y)
models = {
    "lightgbm": lightgbm.LGBMRegressor(**quick, **few).fit(X, y),
    "booster": lightgbm.LGBMRegressor(**quick, **few).fit(X, y).booster_,
    "xgboost": xgb,
}
T = pd.DataFrame({"a": [0.0, 0.0, 2.0], "s": pd.Categorical(["z", "x", "z"], categories=["x", "y", "z"])})
for name, model in models.items():
    joblib.dump(model, name + ".pkl")
print(json.dumps({name: [float(v) for v in model.predict(T)] for name, model in models.items()}))
`;

test.if(python !== undefined)(
  "LightGBM and XGBoost, whatever order a request's texts come in",
  async () => {
    const folder = join(place.dir, "categories");
    await mkdir(folder);
    const child = Bun.spawn([python!, "-c", TRAIN], { cwd: folder, stdout: "pipe", stderr: "pipe" });
    const [out, said] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    if ((await child.exited) !== 0) throw new Error(said);
    const wanted = JSON.parse(out) as Record<string, number[]>;
    for (const [name, answers] of Object.entries(wanted)) {
      const inputs = [number("a"), { name: "s", type: "string" as const, required: true }];
      await writeFlavor(folder, { runtime: "python", entry: `${name}.pkl`, task: "regression", inputs });
      const model = await loadVersion(folder, { python: python!, root: folder });
      const columns = { a: Float64Array.of(0, 0, 2), s: ["z", "x", "z"] };
      expect({ name, answers: [...(await model.predict({ rows: 3, columns })).values] }).toEqual({ name, answers });
      expect(answers[0]).not.toBeCloseTo(answers[1]!, 2);
      await model.close();
    }
  },
  120_000,
);
