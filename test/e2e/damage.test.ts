/**
 * What lies on disk is damaged, or a process died between two writes: the real program says what is wrong, goes on past it
 * where it can, and doctor finds it. One small project, each test in a copy of it after its first run.
 */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { freshFolder, trimtab, trimtabJson } from "../program.ts";
import { writeProject } from "./project.ts";

const folder = freshFolder("damage");
const original = join(folder.path, "original");
let count = 0;

beforeAll(async () => {
  writeProject(original);
  expect((await trimtab(["run"], { cwd: original })).exit).toBe(0);
}, 60_000);
afterAll(() => folder.remove());

function copy(): string {
  const home = join(folder.path, String(count++));
  cpSync(original, home, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  return home;
}

interface Cycle {
  version?: number;
  deployment?: { id: string };
}

const attention = async (cwd: string): Promise<string[]> =>
  (await trimtabJson<{ attention: { what: string }[] }>(["status"], { cwd })).attention.map(({ what }) => what);
const modelFolder = (home: string) =>
  join(home, ".trimtab/models/tiny", readdirSync(join(home, ".trimtab/models/tiny"))[0]!);
const currentOf = (home: string) => readlinkSync(join(home, ".trimtab/deploy/tiny/current"));
const doctorOf = async (cwd: string) => {
  const { exit, stdout } = await trimtab(["doctor"], { cwd });
  return { exit, stdout };
};

function cutInHalf(file: string): void {
  const bytes = readFileSync(file);
  chmodSync(file, 0o644);
  writeFileSync(file, bytes.subarray(0, bytes.length / 2));
}

test("a version whose files are gone: status and doctor say so, and the next run makes a new one", async () => {
  const home = copy();
  rmSync(modelFolder(home), { recursive: true });
  expect(await attention(home)).toContain("version 1 serves and its files are gone");
  expect((await doctorOf(home)).exit).toBe(1);
  expect(await trimtabJson<Cycle>(["run"], { cwd: home })).toMatchObject({ version: 2 });
  expect(await attention(home)).toEqual([]);
}, 60_000);

test("a model file cut in half is found by doctor, is not deployed, and does not keep its successor out", async () => {
  const home = copy();
  cutInHalf(join(modelFolder(home), "model.js"));
  expect((await doctorOf(home)).stdout).toContain("not those that were published");
  const refused = await trimtab(["deploy", "1", "--force"], { cwd: home });
  expect(refused.exit).toBe(2);
  expect(refused.stderr).toMatch(/^error\[MODEL_INVALID\] .*model\.js: .*Mend: .+\.$/m);
  const next = await trimtabJson<Cycle>(["run", "--param", "weight=2"], { cwd: home });
  expect(next).toMatchObject({ version: 2, deployment: { id: currentOf(home) } });
}, 60_000);

test("a damaged manifest of what serves is said, and rollback leads past it", async () => {
  const home = copy();
  const first = currentOf(home);
  expect((await trimtab(["run", "--param", "weight=2"], { cwd: home })).exit).toBe(0);
  writeFileSync(join(home, ".trimtab/deploy/tiny", currentOf(home), "deployment.yaml"), "\0\0\0");
  expect((await attention(home))[0]).toContain("manifest");
  expect((await doctorOf(home)).exit).toBe(1);
  expect((await trimtab(["rollback"], { cwd: home })).exit).toBe(0);
  expect(currentOf(home)).toBe(first);
}, 60_000);

test("a deployment that died before its swap is made again by the next run", async () => {
  const home = copy();
  rmSync(join(home, ".trimtab/deploy/tiny/current"));
  forget(home, "DELETE FROM events WHERE kind = 'deployment.made'", "DELETE FROM model_aliases");
  const again = await trimtabJson<Cycle>(["run"], { cwd: home });
  expect(again).toMatchObject({ version: 1, deployment: { id: currentOf(home) } });
}, 60_000);

test("a deployment that died after its swap is settled by the next run: journal and alias", async () => {
  const home = copy();
  forget(
    home,
    "DELETE FROM events WHERE seq >= (SELECT seq FROM events WHERE kind = 'deployment.made')",
    "DELETE FROM model_aliases",
  );
  expect((await trimtab(["run"], { cwd: home })).exit).toBe(0);
  const { events } = await trimtabJson<{ events: { kind: string; data: { to?: string } }[] }>(["events"], {
    cwd: home,
  });
  const made = events.filter(({ kind }) => kind === "deployment.made");
  expect(made.map(({ data }) => data.to)).toEqual([currentOf(home)]);
  const { versions } = await trimtabJson<{ versions: { aliases: string[] }[] }>(["models", "show"], { cwd: home });
  expect(versions[0]!.aliases).toEqual(["champion"]);
  expect((await doctorOf(home)).exit).toBe(0);
}, 60_000);

test("a version that was rolled back does not come back by itself", async () => {
  const home = copy();
  expect((await trimtab(["run", "--param", "weight=2"], { cwd: home })).exit).toBe(0);
  expect((await trimtab(["rollback"], { cwd: home })).exit).toBe(0);
  const first = currentOf(home);
  expect((await trimtabJson<Cycle>(["run", "--param", "weight=2"], { cwd: home })).deployment).toBeUndefined();
  const forced = await trimtab(["run", "--param", "weight=2", "--force"], { cwd: home });
  expect(forced.stdout).toEndWith(
    "the model is the same as version 2, which served before; trimtab deploy 2 brings it back\n",
  );
  expect(currentOf(home)).toBe(first);
}, 60_000);

test("a link that points nowhere is said with its mend", async () => {
  const home = copy();
  const link = join(home, ".trimtab/deploy/tiny/current");
  rmSync(link);
  symlinkSync("nothing", link);
  expect((await attention(home))[0]).toContain("there is no deployment nothing");
  expect((await trimtab(["deploy", "1"], { cwd: home })).exit).toBe(0);
  expect(await attention(home)).toEqual([]);
}, 60_000);

test("a database that is no database is said in one line", async () => {
  const home = copy();
  const file = join(home, ".trimtab/trimtab.db");
  for (const beside of ["-wal", "-shm"]) rmSync(file + beside, { force: true });
  writeFileSync(file, "this is not a database ".repeat(1000));
  const refused = await trimtab(["run"], { cwd: home });
  expect(refused.exit).toBe(1);
  expect(refused.stderr).toMatch(/^error\[DB_UNREACHABLE\] .*trimtab\.db: .*Mend: .+\.\n$/);
}, 60_000);

test("a model that ends the process is no success, and leaves nothing to mend", async () => {
  const home = copy();
  writeFileSync(join(home, "train.sh"), "mkdir -p build/model; echo 'process.exit(0)' > build/model/model.js");
  const ended = await trimtab(["run", "--quiet"], { cwd: home });
  expect(ended.exit).toBe(1);
  expect(ended.stderr).toMatch(/^error\[INTERNAL\]: .*process\.exit.*\n$/);
  writeFileSync(join(home, "train.sh"), "true");
  expect((await doctorOf(home)).exit).toBe(0);
}, 60_000);

/** Undoes writes that a process which died earlier would not have made. */
function forget(home: string, ...statements: string[]): void {
  const db = new Database(join(home, ".trimtab/trimtab.db"));
  for (const statement of statements) db.run(statement);
  db.close();
}

test("a champion that cannot answer the rows of today keeps no successor out", async () => {
  const home = copy();
  const edit = (file: string, change: (text: string) => string) =>
    writeFileSync(join(home, file), change(readFileSync(join(home, file), "utf8")));
  edit("data/rows.csv", (text) => text.replaceAll(/,[xy],/g, ",").replace("kind,", ""));
  edit("pipeline.yaml", (text) => text.replace("kind, ", "").replace("{ min: 0.8 }", "{ min: 0.8, max_drop: 0.02 }"));
  edit("features.yaml", (text) => text.replace(/ {2}kinds:.*one_hot: \{\}\n/s, ""));
  const { exit, stdout } = await trimtab(["run"], { cwd: home });
  expect(stdout).toContain("not judged: there is no champion to compare with");
  expect(exit).toBe(0);
  const { events } = await trimtabJson<{ events: { kind: string; reason: string }[] }>(["events"], { cwd: home });
  const lost = events.find(({ kind }) => kind === "gate.champion_lost");
  expect(lost?.reason).toContain('the field "kind" is missing');
}, 60_000);
