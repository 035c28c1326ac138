/**
 * `up` and `serve` from the terminal: reads and checks everything, then becomes the supervisor, which says where things are
 * and waits for the signal to stop.
 */

import { basename, dirname, resolve } from "node:path";
import { fail } from "../base/errors.ts";
import { becomeSelf, SUPERVISE_WORD } from "../base/program.ts";
import { readPipeline } from "../life/context.ts";
import { type Watched, watchOver } from "./watch-over.ts";

export interface UpOptions {
  /** None: tracking and registry alone. */
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
  quiet: boolean;
}

/** Starts everything, for pipelines of one folder: they share its state. Resolves to the exit code when it was told to stop and has drained. */
export async function up(voice: Voice, options: UpOptions): Promise<number> {
  const { port, host } = options;
  const paths = [...new Set(options.files.map((file) => resolve(voice.cwd, file)))];
  const root = paths[0] === undefined ? voice.cwd : dirname(paths[0]);
  const elsewhere = paths.find((path) => dirname(path) !== root);
  if (elsewhere !== undefined)
    throw fail("USAGE", {
      what: `${elsewhere} is not in ${root}`,
      place: "--file",
      mend: "start one server for each folder, on ports of its own",
    });
  const files = paths.map((path) => basename(path));
  const control = { root, files, port, host };
  if (files.length === 0) return become({ ...watchedAt(voice, root), control });
  // A bad pipeline is said here, in one line, before anything is started.
  const pipelines = await Promise.all(files.map((file) => readPipeline(root, { file, env: voice.env })));
  const replicas = Math.max(...pipelines.map((pipeline) => pipeline.deploy.replicas ?? 0));
  return become({ ...servingOf(voice, root, options, replicas), control });
}

/** Starts only the serving processes. */
export const serveOnly = (voice: Voice, options: UpOptions): Promise<number> =>
  become(servingOf(voice, voice.cwd, options, 0));

function servingOf(voice: Voice, root: string, options: UpOptions, replicas: number): Watched {
  const count = options.processes ?? (replicas || navigator.hardwareConcurrency);
  const { host, servePort } = options;
  return { ...watchedAt(voice, root), serving: { count, port: servePort, host } };
}

const watchedAt = ({ quiet }: Voice, root: string) => ({ root, quiet, startedMs: performance.timeOrigin });

/** What reading pipelines took (20 MB) is not kept for as long as the supervisor lives. */
function become(watched: Watched): Promise<number> {
  becomeSelf(SUPERVISE_WORD, JSON.stringify(watched));
  return watchOver(watched);
}
