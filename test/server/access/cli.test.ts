import { expect, test } from "bun:test";
import { redact } from "../../../src/base/log.ts";
import { trimtab } from "../../program.ts";
import { tempFolder } from "../../temp.ts";

test("tokens are made, listed and revoked from the terminal", async () => {
  const cwd = tempFolder();
  const made = await trimtab(["token", "create", "ann", "--role", "admin", "--label", "laptop", "--json"], { cwd });
  expect(made.exit).toBe(0);
  const { token, id } = JSON.parse(made.stdout) as { token: string; id: string };
  expect(redact(`sent ${token}`)).toBe(`sent trimtab_${id}_***`);
  const listed = JSON.parse((await trimtab(["token", "list", "--json"], { cwd })).stdout) as { tokens: object[] };
  expect(listed.tokens).toMatchObject([{ id, name: "ann", role: "admin", label: "laptop" }]);
  const grants = ["--project", "team-a=editor", "--experiment", "Default=viewer"];
  expect((await trimtab(["token", "create", "ci", "--role", "none", ...grants], { cwd })).exit).toBe(0);
  const text = (await trimtab(["token", "list"], { cwd })).stdout;
  expect(text).toContain("experiment Default=viewer, project team-a=editor");
  expect((await trimtab(["token", "revoke", id], { cwd })).exit).toBe(0);
  expect((await trimtab(["token", "revoke", id], { cwd })).exit).toBe(2);
  for (const wrong of [
    ["--role", "boss"],
    ["--expires", "soon"],
    ["--experiment", "flights"],
    ["--model", "none=viewer"],
  ])
    expect((await trimtab(["token", "create", "x", ...wrong], { cwd })).exit).toBe(2);
}, 60_000);
