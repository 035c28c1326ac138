import { test } from "bun:test";
import fc from "fast-check";
import { compileFeatures } from "../../../src/data/features/compile.ts";
import { featuresSql } from "../../../src/data/features/features-sql.ts";
import { fitFeatures } from "../../../src/data/features/fit.ts";
import { parseFeatures } from "../../../src/data/features/parse.ts";
import { frames, outermost } from "./arbitrary.ts";
import { expectEqual } from "./compare.ts";
import { testDuck } from "./frames.ts";

const duck = await testDuck();

test("any expression over any frame: SQL and serving agree", async () => {
  await fc.assert(
    fc.asyncProperty(frames, fc.array(outermost, { minLength: 4, maxLength: 8 }), async ({ specs, batch }, list) => {
      const derive = Object.fromEntries(list.map((expression, i) => [`x${i}`, expression]));
      const yaml = JSON.stringify({ derive, features: { f: { columns: Object.keys(derive) } } });
      const spec = parseFeatures(yaml, "features.yaml");
      await duck.load("frame", specs, batch);
      const fitted = JSON.parse(JSON.stringify(await fitFeatures(duck, "frame", spec)));
      const trained = await duck.batch(featuresSql(fitted, "frame", { columns: await duck.columns("FROM frame") }));
      expectEqual(compileFeatures(fitted).apply(batch), trained, fitted.outputs);
    }),
    { numRuns: 150 },
  );
}, 60_000);
