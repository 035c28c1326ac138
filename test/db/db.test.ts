import { setDefaultTimeout } from "bun:test";
import { ENGINES } from "../engines.ts";
import { dbSuite } from "../suites/db.ts";
import { jobsSuite } from "../suites/jobs.ts";

setDefaultTimeout(30_000);

for (const engine of ENGINES) {
  dbSuite(engine.name, engine.address);
  jobsSuite(engine.name, engine.open);
}
