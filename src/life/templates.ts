/** Projects to start from: the examples' own files, with their data made where it is needed. */

import { existsSync } from "node:fs";
import { cp, mkdir, readdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fail } from "../base/errors.ts";
import { publish, writeFileAtomic } from "../base/files.ts";
import { randomId } from "../base/hash.ts";
import { childEnv, HOME } from "../base/program.ts";

export const TEMPLATES = ["flights", "flights-sklearn"] as const;

/** Files of an example that belong to the repository, not to a project made from it. */
const LEFT_OUT = new Set([
  "demo.ts",
  "demo-report.ts",
  "replay.ts",
  "build",
  "data",
  ".venv",
  ".trimtab",
  "mlruns",
  "__pycache__",
]);
const IGNORED = ".trimtab/\nbuild/\ndata/\n.venv/\n__pycache__/\n";

export interface Project {
  folder: string;
  files: string[];
  /** Commands to type next. */
  next: string[];
}

/** Writes a template into `folder` (relative to cwd), which must not hold any of its files yet. */
export async function createProject(options: {
  template: string;
  folder: string;
  cwd: string;
  env: Record<string, string | undefined>;
}): Promise<Project> {
  const template = TEMPLATES.find((name) => name === options.template);
  if (!template)
    throw fail("USAGE", {
      what: `there is no template "${options.template}"`,
      place: "--template",
      mend: `choose ${TEMPLATES.join(" or ")}`,
    });
  const folder = resolve(options.cwd, options.folder);
  const files = (await readdir(join(HOME, "examples", template))).filter((name) => !LEFT_OUT.has(name));
  const taken = [...files, ".gitignore", "data"].filter((name) => existsSync(join(folder, name)));
  if (taken.length > 0)
    throw fail("ALREADY_EXISTS", {
      what: `${taken.join(", ")} would be overwritten`,
      place: folder,
      mend: "choose an empty folder",
    });

  // Built beside the target, so that a failure (no data, no disk) leaves nothing behind; a folder that is there may be a mount.
  const staging = join(existsSync(folder) ? folder : dirname(folder), `.trimtab-init-${randomId().slice(0, 8)}`);
  try {
    await mkdir(staging, { recursive: true });
    for (const name of files)
      await cp(join(HOME, "examples", template, name), join(staging, name), { recursive: true });
    await writeFileAtomic(join(staging, ".gitignore"), IGNORED);
    await prepareData(template, staging, options.env);
    if (existsSync(folder))
      for (const name of await readdir(staging)) await publish(join(staging, name), join(folder, name));
    else await publish(staging, folder);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  const shown = relative(options.cwd, folder);
  const steps =
    template === "flights-sklearn" ? ["python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"] : [];
  return {
    folder,
    files: (await readdir(folder)).sort(),
    next: [...(shown ? [`cd ${typed(shown)}`] : []), ...steps, "trimtab run", "trimtab up"],
  };
}

/** A path as a shell takes it. */
const typed = (path: string): string => (/^[\w./+,@-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);

type Env = Record<string, string | undefined>;

/** The flights' npm package: there when cloned, fetched when Trimtab was installed as a package itself. */
const FLIGHTS = "vega-datasets";

/** Both templates learn from the same flights; the script that cuts them travels with the TypeScript one. */
async function prepareData(template: string, folder: string, env: Env): Promise<void> {
  const fetched = join(folder, ".fetched");
  const ran = async (command: string[], more: Env = {}) => {
    const child = Bun.spawn(command, {
      cwd: folder,
      env: { ...childEnv(env), ...more },
      stdio: ["ignore", null, "pipe"],
    });
    const [exit, talk] = await Promise.all([child.exited, new Response(child.stderr).text()]);
    if (exit === 0) return;
    const reason = /error:? (.*)/.exec(talk)?.[1] ?? talk.trim().split("\n").at(-1) ?? `exit ${exit}`;
    throw fail("DATA_UNREADABLE", {
      what: `the data of template ${template} cannot be made: ${reason}`,
      place: "trimtab init",
      mend: `make the npm registry reachable, or run npm install ${FLIGHTS} in ${dirname(HOME)}`,
    });
  };
  if (!isInstalled()) {
    if (!Bun.which("npm", { PATH: env.PATH ?? "" }))
      throw fail("DATA_UNREADABLE", {
        what: `the data of template ${template} is in the npm package ${FLIGHTS}, and there is no npm`,
        place: "PATH",
        mend: "put npm on the PATH",
      });
    const { devDependencies } = await Bun.file(join(HOME, "package.json")).json();
    const named = `${FLIGHTS}@${devDependencies[FLIGHTS]}`;
    const how = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    await ran(["npm", "install", "--prefix", fetched, ...how, named]);
  }
  const script = join(HOME, "examples", "flights", "prepare.ts");
  const packages = [join(fetched, "node_modules"), childEnv(env).NODE_PATH].join(":");
  await ran([process.execPath, script, "--out", join(folder, "data", "flights")], { NODE_PATH: packages });
  await rm(fetched, { recursive: true, force: true });
}

function isInstalled(): boolean {
  try {
    createRequire(join(HOME, "package.json")).resolve(`${FLIGHTS}/package.json`);
    return true;
  } catch {
    return false;
  }
}
