/** Validating, profiling and building features for 3,000,000 flights, each as the command a person types: whole process. */

import { join } from "node:path";
import { writeFlights } from "../examples/flights/prepare.ts";
import { freshFolder, trimtab } from "../test/program.ts";
import { median, print, timed } from "./measure.ts";

const folder = freshFolder("bench-data");
try {
  const home = join(folder.path, "flights");
  await mustRun(["init", "--template", "flights", home], folder.path);
  for (const [from, to] of [
    ["2001-03-01", "2001-05-01"],
    ["2001-05-01", "2001-07-02"],
  ] as const)
    await writeFlights(join(home, "data/flights"), from, to);
  const validate = await timed(5, () => mustRun(["validate"], home));
  const profile = await timed(5, () => mustRun(["profile", "flights"], home));
  const features = await timed(3, () => mustRun(["run", "features", "--force"], home));
  print([
    { what: "validate 3M flights", value: median(validate) / 1000, unit: "s", runs: 5 },
    { what: "profile 3M flights", value: median(profile) / 1000, unit: "s", runs: 5 },
    { what: "validate and profile", value: (median(validate) + median(profile)) / 1000, unit: "s", goal: "≤ 5 s" },
    { what: "checks and features for 3M flights", value: median(features) / 1000, unit: "s", goal: "≤ 20 s", runs: 3 },
  ]);
} finally {
  folder.remove();
}

async function mustRun(args: string[], cwd: string): Promise<void> {
  const ended = await trimtab(args, { cwd });
  if (ended.exit !== 0) throw new Error(`trimtab ${args.join(" ")}: ${ended.stderr}`);
}
