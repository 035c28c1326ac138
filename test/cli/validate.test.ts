/** A failed check shows a person the column, the share and rows, on the terminal, in the step's log, and not in what alerts carry. */

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { trimtab } from "../program.ts";
import { tempFolder } from "../temp.ts";

const PIPELINE = `model: m
data: { rows: rows.csv }
steps:
  check:
    validate: rows
    expect:
      - column_values_to_be_between: { column: delay, min_value: 0, max_value: 10 }
      - column_values_to_not_be_null: id
`;
const SHOWN = `column_values_to_be_between delay: 2 of 4 values (50%) are not between 0 and 10
delay  id  what
-1116  2   "a \\"b\\"\\nc"
99     4   null
`;

test("validate and run show rows that failed, the checked column first", async () => {
  const cwd = tempFolder();
  writeFileSync(join(cwd, "pipeline.yaml"), PIPELINE);
  writeFileSync(join(cwd, "rows.csv"), 'id,what,delay\n1,x,1\n2,"a ""b""\nc",-1116\n3,y,2\n4,,99\n');
  const checked = await trimtab(["validate"], { cwd });
  expect(checked.exit).toBe(1);
  expect(checked.stdout).toContain(SHOWN);
  const ran = await trimtab(["run"], { cwd });
  expect(ran.exit).toBe(1);
  expect(ran.stdout).toContain(SHOWN);
  expect(ran.stderr).toContain("delay: 2 of 4 values (50%)");
  expect(ran.stderr).not.toContain("-1116");
  const [log] = [...new Bun.Glob(".trimtab/logs/*/check.1.log").scanSync({ cwd, dot: true })];
  expect(readFileSync(join(cwd, log!), "utf8")).toContain('{"delay":-1116,"id":2,"what":"a \\"b\\"\\nc"}');
}, 60_000);
