/** A program for the supervisor's tests: `serve-entry.ts part <json>` is a serving process, `up <json>` a supervisor. */

import { asTrimtabError } from "../../src/base/errors.ts";
import { serveProcess } from "../../src/serving/process.ts";
import { supervise } from "../../src/serving/supervisor.ts";

const [role, json] = process.argv.slice(2) as [string, string];
const options = JSON.parse(json) as {
  deployDir: string;
  predictionsDir: string;
  port: number;
  count: number;
  silenceMs?: number;
};

/** The command of a serving process on this port. */
const command = (port: number) => [process.execPath, import.meta.path, "part", JSON.stringify({ ...options, port })];

async function up(): Promise<number> {
  const { silenceMs, count, port } = options;
  const supervisor = supervise({
    ...(silenceMs !== undefined && { silenceMs }),
    serving: { count, port, host: "127.0.0.1", command },
  });
  await supervisor.ready;
  const pids = supervisor.parts().map((part) => part.pid);
  process.stdout.write(`${JSON.stringify({ port: supervisor.port, pids })}\n`);
  await new Promise((resolve) => process.once("SIGTERM", resolve));
  await supervisor.stop();
  return 0;
}

try {
  process.exit(role === "up" ? await up() : await serveProcess({ ...options, host: "127.0.0.1", reusePort: true }));
} catch (error) {
  process.stderr.write(`${asTrimtabError(error).oneLine()}\n`);
  process.exit(1);
}
