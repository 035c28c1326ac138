/** Our tracking server alone, as a process: prints its address and serves until its stdin ends. */

import { startOurs } from "../../test/mlflow/ours.ts";

const server = await startOurs();
console.log(server.url);
for await (const _ of Bun.stdin.stream());
await server.stop();
