/** One `run` as a process of its own: reads pipeline.yaml in the current folder and runs it. Prints how it ended. */

import { join } from "node:path";
import { workspaceAt } from "../src/base/workspace.ts";
import { openDb } from "../src/db/open.ts";
import { runPipeline } from "../src/pipeline/run.ts";
import { loadPipeline } from "../src/spec/load.ts";
import { openCache } from "../src/store/cache.ts";
import { openStatCache } from "../src/store/stat-cache.ts";

const pipeline = await loadPipeline("pipeline.yaml", process.env);
const workspace = workspaceAt(pipeline.root, {});
const db = await openDb(workspace.db);
const stats = openStatCache(join(workspace.state, "stat-cache.db"));
const result = await runPipeline(pipeline, {
  db,
  hashPath: (path) => stats.hashPath(path),
  cache: openCache(workspace.cache, stats),
  jobs: 1,
  force: process.argv.includes("--force"),
});
stats.close();
await db.close();
if (result.error) throw result.error;
console.log(`${result.state} ${result.steps.length}`);
