/** `up` and `serve` from the terminal: starts the supervisor, says where things are, waits for the signal to stop. */

import { dirname, resolve } from "node:path";
import { CONTROL_WORD, SERVE_WORD, selfCommand } from "../base/program.ts";
import { showDuration } from "../base/units.ts";
import { readPipeline } from "../life/context.ts";
import { type SupervisorOptions, supervise } from "../serving/supervisor.ts";

export interface UpOptions {
  files: string[];
  port: number;
  servePort: number;
  host: string;
  processes?: number;
}

/** The part of the terminal that is used. */
interface Voice {
  cwd: string;
  env: Record<string, string | undefined>;
  say(line: string): void;
}

/** Starts everything; resolves to the exit code when it was told to stop and has drained. */
export async function up(voice: Voice, options: UpOptions): Promise<number> {
  // A bad pipeline is said here, in one line, before anything is started.
  const pipelines = await Promise.all(options.files.map((file) => readPipeline(voice.cwd, { file, env: voice.env })));
  const root = dirname(resolve(voice.cwd, options.files[0]!));
  const replicas = Math.max(...pipelines.map((pipeline) => pipeline.deploy.replicas ?? 0));
  const control = {
    command: selfCommand(
      CONTROL_WORD,
      JSON.stringify({ root, files: options.files, port: options.port, host: options.host }),
    ),
  };
  const said = `API and status page on http://${options.host}:${options.port}, predictions on`;
  return watchOver(voice, { control, serving: servingOf(root, options, replicas), cwd: root, env: voice.env }, said);
}

/** Starts only the serving processes. */
export function serveOnly(voice: Voice, options: UpOptions): Promise<number> {
  return watchOver(
    voice,
    { serving: servingOf(voice.cwd, options, 0), cwd: voice.cwd, env: voice.env },
    "predictions on",
  );
}

function servingOf(root: string, options: UpOptions, replicas: number): SupervisorOptions["serving"] {
  const count = options.processes ?? (replicas || navigator.hardwareConcurrency);
  const { host } = options;
  return {
    count,
    port: options.servePort,
    host,
    command: (port) => selfCommand(SERVE_WORD, JSON.stringify({ root, port, host })),
  };
}

async function watchOver(voice: Voice, options: SupervisorOptions, said: string): Promise<number> {
  const from = performance.now();
  const supervisor = supervise(options);
  const stopped = new Promise<void>((done) => {
    process.once("SIGINT", done).once("SIGTERM", done);
  });
  const ready = await Promise.race([supervisor.ready.then(() => true), stopped.then(() => false)]);
  if (ready) {
    const url = `http://${options.serving.host}:${supervisor.port}`;
    voice.say(`ready after ${showDuration(performance.now() - from)}: ${said} ${url}`);
    await stopped;
  }
  voice.say("draining…");
  await supervisor.stop();
  return 0;
}
