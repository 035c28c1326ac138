/** Starting up, idling, a new version going live and a rollback under load. */

import { join } from "node:path";
import { freshFolder, post, type Served, startUp, trimtab } from "../test/program.ts";
import { median, print, treeMemory } from "./measure.ts";

const FLIGHT = { date: "2001-03-05T17:40:00Z", distance: 719, origin: "ORD", destination: "LGA" };
const folder = freshFolder("bench-lifecycle");
try {
  const home = join(folder.path, "flights");
  await mustRun(["init", "--template", "flights", home], folder.path);
  await mustRun(["run", "--param", "rows=20000", "--param", "trees=10"], home);
  await mustRun(["run", "--param", "rows=20000", "--param", "trees=11"], home, [0, 3]);

  const starts: number[] = [];
  for (let i = 0; i < 5; i++) {
    const from = performance.now();
    const up = await startUp(home);
    starts.push(performance.now() - from);
    await up.stop();
  }

  const served = await startUp(home);
  await Bun.sleep(5000);
  const memory = treeMemory(served.pid);
  const swaps: number[] = [];
  const backs: number[] = [];
  const load = startLoad(served);
  for (let i = 0; i < 5; i++) {
    swaps.push(await untilVersion(served, 2, () => mustRun(["deploy", "2", "--force"], home)));
    backs.push(await untilVersion(served, 1, () => mustRun(["rollback"], home)));
  }
  const { requests, failed } = await load.stop();
  await served.stop();
  print([
    { what: "up: start to ready", value: median(starts), unit: "ms", goal: "≤ 1000 ms", runs: 5 },
    { what: "up idle, resident (2 serving processes)", value: memory.pssBytes / 1e6, unit: "MB", goal: "≤ 200 MB" },
    { what: "  counting pages that they share in each", value: memory.rssBytes / 1e6, unit: "MB" },
    { what: "deploy: symlink swap to first answer", value: median(swaps), unit: "ms", goal: "≤ 1000 ms", runs: 5 },
    { what: "rollback: symlink swap to first answer", value: median(backs), unit: "ms", goal: "≤ 200 ms", runs: 5 },
  ]);
  console.log(`${requests} requests during ten swaps, ${failed} failed`);
} finally {
  folder.remove();
}

/** Asks all the time, four at once. */
function startLoad(served: Served) {
  let running = true;
  let requests = 0;
  let failed = 0;
  const lanes = Array.from({ length: 4 }, async () => {
    while (running) {
      requests++;
      const ok = await post(`${served.serving}/predict`, { inputs: [FLIGHT] }).then(
        (r) => r.arrayBuffer().then(() => r.ok),
        () => false,
      );
      if (!ok) failed++;
    }
  });
  return {
    async stop() {
      running = false;
      await Promise.all(lanes);
      return { requests, failed };
    },
  };
}

/** Milliseconds from the swap of `current`, as its own time says, to the first answer of the version. */
async function untilVersion(served: Served, version: number, change: () => Promise<void>): Promise<number> {
  let answeredMs = 0;
  const watching = (async () => {
    for (;;) {
      const answer = (await (await post(`${served.serving}/predict`, { inputs: [FLIGHT] })).json()) as {
        version?: number;
      };
      if (answer.version === version) break;
      await Bun.sleep(1);
    }
    answeredMs = Date.now();
  })();
  await change();
  await watching;
  const link = join(folder.path, "flights/.trimtab/deploy/flight-delay/current");
  const { lstatSync } = await import("node:fs");
  return Math.max(0, answeredMs - lstatSync(link).ctimeMs);
}

async function mustRun(args: string[], cwd: string, allowed = [0]): Promise<void> {
  const ended = await trimtab(args, { cwd });
  if (!allowed.includes(ended.exit)) throw new Error(`trimtab ${args.join(" ")}: ${ended.stderr}`);
}
