import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Batch, ColumnSpec } from "../../src/base/columns.ts";
import { createBatcher } from "../../src/serving/batch.ts";
import type { RuntimeOptions } from "../../src/serving/model.ts";
import { loadVersion } from "../../src/serving/runtime.ts";
import { type TrimtabFlavor, writeMlmodel } from "../../src/spec/mlmodel.ts";
import { pythonWith } from "../python.ts";
import { deploy, makeModel, makePlace, number, type Place, run, until, writeFlavor } from "./helpers.ts";

const sklearn = await pythonWith("sklearn");
const withPython = test.if(sklearn !== undefined);

let place: Place;
let made = 0;
beforeAll(() => {
  place = makePlace();
});
afterAll(() => place.remove());

/** Runs a script in a fresh model folder; what it prints is parsed as JSON. */
async function build(script: string, flavor: Partial<TrimtabFlavor> = {}): Promise<{ folder: string; said: unknown }> {
  const folder = join(place.dir, `py${made++}`);
  await mkdir(folder);
  const child = Bun.spawn([sklearn!, "-c", script], { cwd: folder, stdout: "pipe", stderr: "pipe" });
  const [out, complaints] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(complaints);
  await writeFlavor(folder, { runtime: "python", entry: "model.pkl", ...flavor });
  return { folder, said: out === "" ? undefined : JSON.parse(out) };
}

const load = (folder: string, options: RuntimeOptions = {}) =>
  loadVersion(folder, { python: sklearn!, root: place.dir, ...options });

const batch = (columns: Record<string, (number | string | null)[]>): Batch => ({
  rows: Object.values(columns)[0]!.length,
  columns: Object.fromEntries(
    Object.entries(columns).map(([name, cells]) => [
      name,
      cells.some((cell) => typeof cell === "string")
        ? (cells as (string | null)[])
        : Float64Array.from(cells as number[]),
    ]),
  ),
});

const ab = batch({ a: [2, -1, 0.5], b: [1, 1, 0.25] });

describe("scikit-learn", () => {
  const TRAIN = `
import json, pickle, numpy as np, pandas as pd
rng = np.random.default_rng(0)
X = pd.DataFrame({"b": rng.normal(size=300), "a": rng.normal(size=300)})
`;
  const ASK = `
T = pd.DataFrame({"b": [1, 1, 0.25], "a": [2, -1, 0.5]})
print(json.dumps({"p": m.predict_proba(T).tolist(), "y": m.predict(T).tolist()}))
`;

  withPython("a classifier's columns are matched by name, its classes by label", async () => {
    const { folder, said } = await build(
      `${TRAIN}
from sklearn.linear_model import LogisticRegression
m = LogisticRegression().fit(X, np.where(X.a > X.b, "late", "early"))
pickle.dump(m, open("model.pkl", "wb"))${ASK}`,
      { classes: ["late", "early"] },
    );
    const { p, y } = said as { p: number[][]; y: string[] };
    const model = await load(folder);
    const answer = await model.predict(ab);
    expect(answer.classes).toEqual(["late", "early"]);
    expect(answer.values).toEqual(y);
    expect([...answer.probabilities!]).toEqual(p.flatMap(([early, late]) => [late!, early!]));
    expect(model.memoryBytes()).toBeGreaterThan(1e6);
    await model.close();
  });

  withPython("a pipeline over text and numbers gets a DataFrame, null as None and NaN", async () => {
    const inputs: ColumnSpec[] = [number("a", false), { name: "s", type: "string", required: false }];
    const { folder, said } = await build(
      `${TRAIN}
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
X["s"] = rng.choice(["x", "y", None], 300)
X = X[["a", "s"]]
enc = make_column_transformer((OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["s"]), remainder="passthrough")
m = make_pipeline(enc, HistGradientBoostingClassifier(max_iter=10)).fit(X, (X.a > 0) & (X.s == "x"))
pickle.dump(m, open("model.pkl", "wb"))
T = pd.DataFrame({"a": [1, np.nan, 2], "s": ["x", "y", None]})
print(json.dumps(m.predict_proba(T)[:, 1].tolist()))`,
      { inputs, classes: [false, true] },
    );
    const model = await load(folder);
    const answer = await model.predict(batch({ a: [1, Number.NaN, 2], s: ["x", "y", null] }));
    expect([...answer.probabilities!].filter((_, i) => i % 2 === 1)).toEqual(said as number[]);
    await model.close();
  });

  withPython("numbers that a model cannot take are its error, also right after numbers that it could", async () => {
    const { folder } = await build(
      `${TRAIN}
from sklearn.ensemble import GradientBoostingClassifier
pickle.dump(GradientBoostingClassifier(n_estimators=3).fit(X[["a", "b"]], X.a > X.b), open("model.pkl", "wb"))`,
      { inputs: [number("a", false), number("b")] },
    );
    const model = await load(folder);
    for (const bad of [Number.NaN, 1e39]) {
      expect((await model.predict(ab)).values.length).toBe(3);
      await expect(model.predict(batch({ a: [bad], b: [0] }))).rejects.toMatchObject({ code: "MODEL_FAILED" });
    }
    await model.close();
  });

  withPython("joblib, regression, and a label that is not the likeliest class", async () => {
    const regression = await build(
      `${TRAIN}
import joblib
from sklearn.linear_model import LinearRegression
joblib.dump(LinearRegression().fit(X[["a", "b"]].to_numpy(), 3 * X.a - X.b), "model.joblib")`,
      { entry: "model.joblib", task: "regression" },
    );
    const line = await load(regression.folder);
    const { values, classes } = await line.predict(ab);
    expect(classes).toBeUndefined();
    for (const [row, value] of [5, -4, 1.25].entries()) expect(values[row]).toBeCloseTo(value, 9);
    await line.close();

    const svc = await build(`${TRAIN}
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
m = FixedThresholdClassifier(LogisticRegression().fit(X, X.a > X.b), threshold=0.0001).fit(X, X.a > X.b)
pickle.dump(m, open("model.pkl", "wb"))${ASK}`);
    const threshold = await load(svc.folder);
    const answer = await threshold.predict(ab);
    const { y } = svc.said as { y: boolean[] };
    expect([...(answer.values as Float64Array)]).toEqual(y.map(Number));
    expect(y).not.toEqual([
      answer.probabilities![1]! > 0.5,
      answer.probabilities![3]! > 0.5,
      answer.probabilities![5]! > 0.5,
    ]);
    await threshold.close();
  });

  withPython("an MLflow folder needs no mlflow when it holds a scikit-learn model", async () => {
    const { folder } = await build(`${TRAIN}
from sklearn.linear_model import LogisticRegression
pickle.dump(LogisticRegression().fit(X, X.a > X.b), open("model.pkl", "wb"))`);
    await writeMlmodel(folder, {
      flavors: {
        python_function: { loader_module: "mlflow.sklearn", model_path: "model.pkl", predict_fn: "predict" },
        sklearn: { pickled_model: "model.pkl", serialization_format: "cloudpickle", code: null },
      },
      signature: {
        inputs: [
          { type: "double", name: "a", required: true },
          { type: "double", name: "b", required: true },
        ],
        outputs: [{ type: "boolean", required: true }],
      },
      other: {},
    });
    const model = await load(folder);
    const answer = await model.predict(ab);
    expect([...(answer.values as Float64Array)]).toEqual([1, 0, 1]);
    expect(answer.classes).toEqual([false, true]);
    await model.close();
  });

  withPython("what does not fit is refused when it is loaded", async () => {
    const fit = `${TRAIN}
from sklearn.linear_model import LogisticRegression
pickle.dump(LogisticRegression().fit(X, X.a > X.b), open("model.pkl", "wb"))`;
    const { folder } = await build(fit, { inputs: [number("a"), number("c")] });
    await expect(load(folder)).rejects.toThrow("misses ['b'] and does not know ['c']");
    await writeFlavor(folder, { runtime: "python", entry: "model.pkl", classes: [0, 1, 2] });
    await expect(load(folder)).rejects.toThrow("the model's classes are [False, True], and [0, 1, 2] are expected");
    const whole = await Bun.file(join(folder, "model.pkl")).bytes();
    await Bun.write(join(folder, "model.pkl"), whole.subarray(0, whole.length / 2));
    await writeFlavor(folder, { runtime: "python", entry: "model.pkl" });
    await expect(load(folder)).rejects.toMatchObject({ code: "MODEL_INVALID" });
    await Bun.write(join(folder, "model.pkl"), "cskimage.of_nobody\nModel\n.");
    await expect(load(folder)).rejects.toMatchObject({
      code: "MODEL_INVALID",
      message: expect.stringContaining("ModuleNotFoundError"),
      mend: expect.stringMatching(/^install it: \/.*python\S* -m pip install scikit-image; /),
    });
    await writeFlavor(folder, { runtime: "python", entry: "gone.pkl" });
    await expect(load(folder)).rejects.toThrow("file is missing");
    await expect(loadVersion(folder, { python: "/nowhere/python" })).rejects.toMatchObject({ code: "MODEL_INVALID" });
  });
});

const mlflow = await pythonWith("mlflow3");

test.if(mlflow !== undefined)(
  "folders that MLflow wrote are served as mlflow itself would, custom models too",
  async () => {
    const folder = join(place.dir, `mlflow${made++}`);
    await mkdir(folder);
    const script = `
import json, mlflow, pandas as pd
class Custom(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["n"] * 2.5 + model_input["word"].str.len()
X = pd.DataFrame({"n": [1, 2, 3], "word": ["a", "bb", None]})
X["word"] = X["word"].fillna("")
signature = mlflow.models.infer_signature(X, pd.Series([1.0, 2.0, 3.0]))
mlflow.pyfunc.save_model("custom", python_model=Custom(), signature=signature)
print(json.dumps(list(mlflow.pyfunc.load_model("custom").predict(X))))`;
    const child = Bun.spawn([mlflow!, "-W", "ignore", "-c", script], { cwd: folder, stdout: "pipe", stderr: "pipe" });
    const [out, complaints] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    if ((await child.exited) !== 0) throw new Error(complaints);
    const model = await loadVersion(join(folder, "custom"), { python: mlflow!, root: folder });
    expect(model.manifest.inputs.map((input) => [input.name, input.type])).toEqual([
      ["n", "number"],
      ["word", "string"],
    ]);
    const answer = await model.predict(batch({ n: [1, 2, 3], word: ["a", "bb", ""] }));
    expect([...(answer.values as Float64Array)]).toEqual(JSON.parse(out.trim().split("\n").at(-1)!));
    await model.close();
  },
);

/** A model whose behaviour `a` chooses; its code lies in the model's folder, as MLflow's `code` does. */
const ODD = `
import os, pickle
os.mkdir("code")
open("code/odd_model.py", "w").write('''
import os, sys, time
import numpy as np

class Odd:
    classes_ = np.array([0, 1])

    def predict_proba(self, X):
        X = np.asarray(X)
        print("noise " * 1000)
        os.write(1, b"\\\\x00\\\\xff" * 5000)
        sys.stdout.flush()
        if (X[:, 0] == 666).any():
            raise ValueError("row of the beast")
        if (X[:, 0] == 13).any():
            os._exit(7)
        if (X[:, 0] == 99).any():
            time.sleep(60)
        p = np.column_stack([np.full(len(X), 0.25), np.full(len(X), 0.75)])
        p[X[:, 0] == 404] = np.nan
        return p[1:] if (X[:, 0] == 500).any() else p

    predict = predict_proba
''')
import sys
sys.path.insert(0, "code")
import odd_model
pickle.dump(odd_model.Odd(), open("model.pkl", "wb"))
`;

describe("models that misbehave", () => {
  const ask = (a: number) => batch({ a: [a], b: [0] });
  const NEIGHBOURS = [1, 2, 3, 4];

  withPython.each([
    ["raises", 666, "MODEL_FAILED", /ValueError: row of the beast/],
    ["answers the wrong number of rows", 500, "MODEL_FAILED", /0 values for 1 rows/],
    ["ends its process", 13, "MODEL_CRASHED", /ended with exit code 7/],
    ["hangs", 99, "MODEL_TIMEOUT", /longer than 3000 ms/],
  ] as const)("one that %s fails alone; its batch's neighbours are answered", async (_, poison, code, message) => {
    const { folder } = await build(ODD);
    let restarts = 0;
    const model = await load(folder, { predictTimeoutMs: 3_000, onRestart: () => restarts++ });
    const batches: number[] = [];
    const batcher = createBatcher((rows) => model.predict(rows), { onBatch: (rows) => batches.push(rows) });
    const [first, bad, ...good] = await Promise.allSettled(
      [0, poison, ...NEIGHBOURS].map((a) => batcher.submit(ask(a))),
    );
    expect(first).toMatchObject({ status: "fulfilled" });
    expect(bad).toMatchObject({ status: "rejected", reason: { code, message: expect.stringMatching(message) } });
    for (const answer of good) expect(answer).toMatchObject({ value: { probabilities: Float64Array.of(0.25, 0.75) } });
    expect(batches).toEqual([1, 5]);
    expect(restarts > 0).toBe(code === "MODEL_CRASHED" || code === "MODEL_TIMEOUT");
    expect((await batcher.submit(ask(1))).probabilities![1]).toBe(0.75);
    await model.close();
  });

  withPython("the last words of one model are not taken for another's", async () => {
    const dies = (words: string) => `import pickle
class M:
    def __reduce__(self): return (eval, (${JSON.stringify(words)},))
pickle.dump(M(), open("model.pkl", "wb"))`;
    const loud = await build(dies("[print('farewell'), __import__('os')._exit(3)]"));
    await expect(load(loud.folder)).rejects.toThrow("ended with exit code 3; its last words: farewell");
    const silent = await build(dies("__import__('os')._exit(4)"));
    await expect(load(silent.folder)).rejects.toThrow(/ended with exit code 4$/);
  });

  withPython("a batch under way when its process is killed is answered by the next process", async () => {
    const { folder } = await build(ODD.replace("time.sleep(60)", "time.sleep(0.5)"));
    let restarts = 0;
    const model = await load(folder, { onRestart: () => restarts++ });
    const batcher = createBatcher((rows) => model.predict(rows));
    const slow = batcher.submit(ask(99));
    await Bun.sleep(50);
    const workers = await workerPids();
    expect(workers.length).toBe(1);
    process.kill(workers[0]!, "SIGKILL");
    expect((await slow).probabilities![1]).toBe(0.75);
    expect(restarts).toBe(1);
    await model.close();
    await until("no worker is left", async () => (await workerPids()).length === 0);
  });
});

withPython(
  "over HTTP: a NaN answer fails alone, kill -9 of the worker loses no request, the swap keeps serving",
  async () => {
    const { folder } = await build(ODD);
    const here = makePlace();
    await deploy(here, 1, folder);
    const app = await run(here, { python: sklearn!, root: place.dir });
    try {
      const nan = await app.post("/predict", { features: [404, 0] });
      expect([nan.status, nan.body.error.code]).toEqual([500, "MODEL_FAILED"]);
      let isOver = false;
      const statuses = new Set<number>();
      const clients = Array.from({ length: 6 }, async () => {
        while (!isOver) statuses.add((await app.post("/predict", { features: [1, 2] })).status);
      });
      for (let round = 0; round < 3; round++) {
        const before = await workerPids();
        process.kill(before[0]!, "SIGKILL");
        await until("another worker serves", async () => (await workerPids()).some((pid) => !before.includes(pid)));
        // What was under way is tried once more, not twice: the next kill waits until that is over.
        await app.post("/predict", { features: [1, 2] });
      }
      await deploy(here, 2, await makeModel(here, 2));
      await until(
        "version 2 serves",
        async () => (await app.post("/predict", { features: [1, 2] })).body.version === 2,
      );
      isOver = true;
      await Promise.all(clients);
      expect([...statuses]).toEqual([200]);
      expect((await app.get("/metrics")).text).toContain(
        'trimtab_model_restarts_total{model="m",version="1",variant="champion"} 3',
      );
    } finally {
      await app.serving.drain();
      here.remove();
    }
  },
);

/** Grandchildren of this process: the workers that nurseries have forked. */
async function workerPids(): Promise<number[]> {
  const text = await new Response(Bun.spawn(["ps", "-eo", "pid=,ppid=,stat=,args="], { stdout: "pipe" }).stdout).text();
  const rows = text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const childrenOf = (parent: string) =>
    rows.filter(([, ppid, stat]) => ppid === parent && !stat!.startsWith("Z")).map(([pid]) => pid!);
  // Other tests of this process have children of children too, PostgreSQL's backends among them.
  const workers = new Set(rows.filter((row) => row.some((word) => word.endsWith("worker.py"))).map(([pid]) => pid!));
  return childrenOf(String(process.pid))
    .flatMap(childrenOf)
    .filter((pid) => workers.has(pid))
    .map(Number);
}
