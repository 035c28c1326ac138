/**
 * Another program holds the database: predictions go on, also of a server that is started meanwhile; reading goes on; what must
 * write waits its time and then says so in one line. Afterwards everything goes through.
 */

import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { freshFolder, post, startUp, trimtab } from "../program.ts";
import { ROW, writeProject } from "./project.ts";

const folder = freshFolder("locked");
afterAll(() => folder.remove());

const { t: _, ...INPUT } = ROW;

test("a database that another program has locked stops no prediction, and a run says who is in the way", async () => {
  const home = join(folder.path, "home");
  writeProject(home);
  expect((await trimtab(["run"], { cwd: home })).exit).toBe(0);
  const before = await startUp(home, { processes: 1 });
  const holder = new Database(join(home, ".trimtab/trimtab.db"));
  holder.run("BEGIN EXCLUSIVE");
  holder.run("UPDATE runs SET name = name");
  try {
    let isWaiting = true;
    const run = trimtab(["run", "--param", "weight=2"], { cwd: home }).finally(() => {
      isWaiting = false;
    });
    const meanwhile = await startUp(home, { processes: 1 });
    const predict = (url: string) => post(`${url}/predict`, { inputs: [INPUT] }).then(({ status }) => status);
    while (isWaiting) {
      expect([await predict(before.serving), await predict(meanwhile.serving)]).toEqual([200, 200]);
      await Bun.sleep(100);
    }
    expect((await trimtab(["status"], { cwd: home })).exit).toBe(0);
    const { exit, stderr } = await run;
    expect({ exit, lines: stderr.split("\n").filter((line) => line !== "") }).toEqual({
      exit: 1,
      lines: [
        expect.stringMatching(/^error\[DB_LOCKED\] \S+trimtab\.db: .*another program.* Mend: end that program.*\.$/),
      ],
    });
    // What a server must write when it ends waits briefly, says who is in the way, and is taken up by the next one.
    expect(await before.stop()).toBe(0);
    expect(before.talk()).toContain("error[DB_LOCKED]");
    expect(before.talk()).not.toMatch(/killed|stop_cut/);
    holder.run("ROLLBACK");
    expect(await meanwhile.stop()).toBe(0);
  } finally {
    holder.close();
    await before.stop();
  }
  expect((await trimtab(["run", "--param", "weight=2"], { cwd: home })).exit).toBe(0);
  expect((await trimtab(["doctor"], { cwd: home })).exit).toBe(0);
}, 120_000);
