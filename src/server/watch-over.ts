/** The supervisor as a program: starts what it is told to, says where things are, waits for the signal to stop. */

import { CONTROL_WORD, SERVE_WORD, selfCommand } from "../base/program.ts";
import { showDuration } from "../base/units.ts";
import { type Supervisor, supervise } from "../serving/supervisor.ts";

/** Plain data, since it crosses from one program to the next. */
export interface Watched {
  /** The folder that holds .trimtab. */
  root: string;
  /** Absent for `up --tracking`. */
  serving?: { count: number; port: number; host: string };
  /** The control process; absent for `serve`. */
  control?: { root: string; files: string[]; port: number; host: string };
  /** No talk. */
  quiet: boolean;
  /** When the program began, in ms since 1970. */
  startedMs: number;
}

/** Starts everything; resolves to the exit code when it was told to stop and has drained. */
export async function watchOver(watched: Watched): Promise<number> {
  const say = (line: string) => void (watched.quiet || process.stderr.write(`${line}\n`));
  const supervisor = start(watched);
  const stopped = new Promise<void>((done) => {
    process.once("SIGINT", done).once("SIGTERM", done);
  });
  const ready = await Promise.race([supervisor.ready.then(() => true), stopped.then(() => false)]);
  if (ready) {
    say(`ready after ${showDuration(Date.now() - watched.startedMs)}: ${placesOf(watched, supervisor)}`);
    await stopped;
  }
  say("draining…");
  await supervisor.stop();
  return 0;
}

function start({ root, serving, control }: Watched): Supervisor {
  const serve = (host: string) => (port: number) => selfCommand(SERVE_WORD, JSON.stringify({ root, port, host }));
  return supervise({
    cwd: root,
    ...(serving && { serving: { ...serving, command: serve(serving.host) } }),
    ...(control && { control: { command: selfCommand(CONTROL_WORD, JSON.stringify(control)) } }),
  });
}

function placesOf({ serving, control }: Watched, supervisor: Supervisor): string {
  const url = (host: string, port: number) => `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const places: string[] = [];
  const controlPort = supervisor.controlPort();
  if (control && controlPort !== undefined)
    places.push(`${serving ? "API" : "tracking, registry"} and status page on ${url(control.host, controlPort)}`);
  if (serving && supervisor.port !== undefined) places.push(`predictions on ${url(serving.host, supervisor.port)}`);
  return places.join(", ");
}
