/** Commands work on the pipeline that --file names, wherever they are typed. */

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeProject } from "../e2e/project.ts";
import { freshFolder, trimtab, trimtabJson } from "../program.ts";

const folder = freshFolder("elsewhere");
afterAll(() => folder.remove());
const told = (...words: string[]) =>
  trimtabJson<unknown>([...words, "--file", "sub/pipeline.yaml"], { cwd: folder.path });

test("versions and deployments of a pipeline in another folder are those beside it", async () => {
  writeProject(join(folder.path, "sub"));
  await told("run");
  await told("run", "--param", "weight=2");
  expect(await told("models", "show")).toMatchObject({ versions: [{ version: 2 }, { version: 1 }] });
  expect(await told("models", "show", "tiny")).toMatchObject({ versions: [{ version: 2 }, { version: 1 }] });
  expect(await told("models", "lineage", "1")).toMatchObject({ version: { name: "tiny", version: 1 } });
  expect(await told("models", "promote", "1", "fallback")).toMatchObject({ model: "tiny", alias: "fallback" });
  expect(await told("deployments")).toMatchObject({ deployments: [{ current: true }, { current: false }] });
  expect(await told("rollback")).toMatchObject({ models: [{ version: 1 }] });
  // What serves now was made when it was made: it has not served ever since.
  const status = await trimtab(["status", "--file", "sub/pipeline.yaml"], { cwd: folder.path });
  expect(status.stdout).toMatch(/^tiny serves version 1 100%, deployed \d{4}-\d\d-\d\d /);
  expect(await told("profile", "rows")).toMatchObject({ rows: 400 });
  expect(existsSync(join(folder.path, ".trimtab"))).toBe(false);
});

test("a pipeline that cannot run as it stands keeps nobody from going back", async () => {
  const { path } = folder;
  const file = join(path, "sub/pipeline.yaml");
  const text = readFileSync(file, "utf8");
  await told("run", "--param", "weight=3");
  const rollback = (env: Record<string, string> = {}) =>
    trimtab(["rollback", "--file", file, "--to", id, "--json"], { cwd: path, env });
  const { deployments } = (await told("deployments")) as { deployments: { id: string }[] };
  const id = deployments.at(-1)!.id;
  rmSync(join(path, "sub/train.sh"));
  expect((await rollback()).exit).toBe(0);
  expect((await rollback({ TRIMTAB_TYPO: "1" })).exit).toBe(0);
  writeFileSync(file, `${text}alerts: [{ slack: $NO_SUCH_VARIABLE }]\nretrian: {}\n`);
  expect((await rollback()).exit).toBe(0);
  expect((await trimtab(["run", "--file", file], { cwd: path })).exit).toBe(2);
  writeFileSync(file, text.replace("model: tiny", "model: [tiny]"));
  expect(await rollback()).toMatchObject({ exit: 2, stderr: expect.stringContaining("pipeline.yaml:1 model: ") });
});

test("a setting that is empty counts as not set", async () => {
  const cwd = join(folder.path, "empty");
  mkdirSync(cwd);
  writeFileSync(join(cwd, "pipeline.yaml"), 'model: m\nsteps: { s: { cmd: "echo 1 > x", outs: [x] } }\n');
  const names = ["DB", "STORE", "ACTOR", "PORT", "SERVE_PORT", "PYTHON", "AUTOMATE_DEPLOY", "PURGE_DELETED"];
  const env = Object.fromEntries(names.map((name) => [`TRIMTAB_${name}`, ""]));
  expect(await trimtabJson<unknown>(["run"], { cwd, env })).toMatchObject({ state: "done" });
  expect(await trimtabJson<unknown>(["status"], { cwd, env })).toMatchObject({ plan: [{ action: "keep" }] });
  const { events } = await trimtabJson<{ events: { actor: string }[] }>(["events"], { cwd });
  expect(events.filter(({ actor }) => actor === "")).toEqual([]);
  expect(readdirSync(cwd).sort()).toEqual([".trimtab", "pipeline.yaml", "x"]);
});

test("a setting that is wrong is said", async () => {
  const cwd = join(folder.path, "empty");
  const said = async (args: string[], env: Record<string, string>) => (await trimtab(args, { cwd, env })).stderr;
  expect(await said(["status"], { TRIMTAB_DB: "mysql://u:secret@h/d" })).toBe(
    "error[DB_UNREACHABLE] TRIMTAB_DB: mysql:// is no database that Trimtab knows. Mend: write postgres://…, or the path of a file.\n",
  );
  expect(await said(["up", "--port", "0", "--serve-port", "0"], { TRIMTAB_PURGE_DELETED: "soon" })).toBe(
    'error[USAGE] TRIMTAB_PURGE_DELETED: "soon" is not a duration. Mend: as 12h or 90d.\n',
  );
});

test("a file that is not there is said, also beside a model's name", async () => {
  const unknown = await trimtab(["models", "show", "tiny", "--file", "nowhere/pipeline.yaml"], { cwd: folder.path });
  expect(unknown).toMatchObject({ exit: 2, stderr: expect.stringContaining("error[SPEC_NOT_FOUND]") });
});
