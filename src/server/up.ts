/**
 * `up` and `serve` from the terminal: reads and checks everything, then becomes the supervisor, which says where things are
 * and waits for the signal to stop.
 */

import { dirname, resolve } from "node:path";
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

/** Starts everything; resolves to the exit code when it was told to stop and has drained. */
export async function up(voice: Voice, options: UpOptions): Promise<number> {
  const { files, port, host } = options;
  if (files.length === 0)
    return become({ ...watchedAt(voice, voice.cwd), control: { root: voice.cwd, files, port, host } });
  // A bad pipeline is said here, in one line, before anything is started.
  const pipelines = await Promise.all(files.map((file) => readPipeline(voice.cwd, { file, env: voice.env })));
  const root = dirname(resolve(voice.cwd, files[0]!));
  const replicas = Math.max(...pipelines.map((pipeline) => pipeline.deploy.replicas ?? 0));
  return become({ ...servingOf(voice, root, options, replicas), control: { root, files, port, host } });
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
