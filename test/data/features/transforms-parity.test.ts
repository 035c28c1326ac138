import { expect, test } from "bun:test";
import fc from "fast-check";
import { TrimtabError, TrimtabErrors } from "../../../src/base/errors.ts";
import { compileFeatures } from "../../../src/data/features/compile.ts";
import { featuresSql } from "../../../src/data/features/features-sql.ts";
import { fitFeatures } from "../../../src/data/features/fit.ts";
import { parseFeatures } from "../../../src/data/features/parse.ts";
import { frames } from "./arbitrary.ts";
import { expectEqual } from "./compare.ts";
import { testDuck } from "./frames.ts";

const duck = await testDuck();

const numberImpute = fc.constantFrom(
  undefined,
  "mean",
  { strategy: "median", add_indicator: true },
  { strategy: "constant", value: 7 },
);
const textImpute = fc.constantFrom(undefined, { strategy: "constant", value: "none" });
const mode = fc.constantFrom("most_frequent", { strategy: "most_frequent", add_indicator: true });
const oneHot = fc.record(
  {
    handle_unknown: fc.constantFrom("ignore", "infrequent", "error"),
    min_frequency: fc.constantFrom(2, 3, 0.2),
    max_categories: fc.integer({ min: 1, max: 4 }),
    drop: fc.constantFrom("first", "if_binary"),
  },
  { requiredKeys: [] },
);
const encode = fc.oneof(
  fc.constant({}),
  oneHot.map((one_hot) => ({ one_hot })),
  fc.constantFrom({ ordinal: { unknown_value: -1, missing_value: -2 } }, { ordinal: true }),
  fc.constantFrom(0, 1, 20).map((target_mean) => ({ target_mean })),
);
const scale = fc.constantFrom(undefined, "standard", "min_max");
const some = (...names: string[]) => fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 3 });
const group = fc.oneof(
  fc.record({ columns: some("k", "hour", "mild", "n"), impute: fc.oneof(numberImpute, mode), encode, scale }),
  fc.record({ columns: some("s", "z", "z_lower", "b"), impute: mode, encode, scale: fc.constant(undefined) }),
  fc.record({
    columns: some("s", "z", "z_lower"),
    impute: textImpute,
    encode: encode.filter((e) => "one_hot" in e),
    scale,
  }),
);
const specs = fc.record({
  groups: fc.array(group, { minLength: 1, maxLength: 3 }),
  where: fc.constantFrom(undefined, "k >= 0", "b or t is not null"),
  target: fc.constantFrom("u is null", "epoch(u) / 1e9", "day_of_week(u)"),
  remainder: fc.constantFrom("drop", "passthrough"),
});

test("any transforms fitted on any frame: SQL and serving agree on other rows, unknown categories included", async () => {
  let fits = 0;
  await fc.assert(
    fc.asyncProperty(specs, frames, frames, async ({ groups, where, target, remainder }, train, other) => {
      const features = Object.fromEntries(
        groups.map(({ encode, ...rest }, i) => [`g${i}`, JSON.parse(JSON.stringify({ ...rest, ...encode }))]),
      );
      const derive = { hour: "hour(t)", z_lower: "lower(z)", mild: "clip(m, -1000, 1000)" };
      const yaml = JSON.stringify({ where, target: { y: target }, derive, features, remainder });
      await duck.load("train", train.specs, train.batch);
      await duck.load("other", other.specs, other.batch);
      const fitted = await fitOrRefuse(yaml);
      if (!fitted) return;
      fits++;
      for (const [table, { batch }] of Object.entries({ train, other })) {
        const sql = featuresSql(fitted, table);
        const served = attempt(() => compileFeatures(fitted).apply(batch));
        if (served) expectEqual(served, await duck.batch(sql), fitted.outputs);
        else await expect(duck.batch(sql)).rejects.toThrow("training did not see");
      }
    }),
    { numRuns: 150 },
  );
  expect(fits).toBeGreaterThan(40);
}, 120_000);

/** Undefined when the frame cannot be fitted, which must be said in our own words. */
async function fitOrRefuse(yaml: string) {
  try {
    return JSON.parse(JSON.stringify(await fitFeatures(duck, "train", parseFeatures(yaml, "features.yaml"))));
  } catch (error) {
    if (error instanceof TrimtabErrors && error.errors.every((e) => e.code === "FEATURES_INVALID")) return undefined;
    if (error instanceof TrimtabError && error.code === "FEATURES_INVALID") return undefined;
    throw error;
  }
}

/** Undefined when serving refuses an unknown category. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof TrimtabError && error.code === "REQUEST_INVALID") return undefined;
    throw error;
  }
}
