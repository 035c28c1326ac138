/** A serving process for the benches: options as JSON. */

import { serveProcess } from "../../src/serving/process.ts";

const options = JSON.parse(process.argv[2]!) as { deployDir: string; predictionsDir: string; root: string };
process.exit(await serveProcess({ ...options, port: 0, host: "127.0.0.1" }));
