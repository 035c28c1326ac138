/** A run in a process of its own, to be killed at any moment: `bun pipeline-child.ts <root> <depth>`. */

import { join } from "node:path";
import { workspaceAt } from "../../src/base/workspace.ts";
import { openDb } from "../../src/db/open.ts";
import { runPipeline } from "../../src/pipeline/run.ts";
import { openCache } from "../../src/store/cache.ts";
import { openStatCache } from "../../src/store/stat-cache.ts";
import { crashPipeline } from "./pipeline-steps.ts";

const [root, depth] = process.argv.slice(2) as [string, string];
const workspace = workspaceAt(root, {});
const db = await openDb(workspace.db);
const stats = openStatCache(join(workspace.state, "stat-cache.db"));
const result = await runPipeline(crashPipeline(root, Number(depth)), {
  db,
  hashPath: (path) => stats.hashPath(path),
  cache: openCache(workspace.cache, stats),
  jobs: 3,
  graceMs: 200,
});
stats.close();
await db.close();
if (result.error) process.stderr.write(`${result.error.oneLine()}\n`);
process.exit(result.error ? 1 : 0);
