import { expect, test } from "bun:test";
import { join } from "node:path";
import { underGuard } from "../../src/life/loop-guard.ts";

const GUARD = join(import.meta.dir, "../../src/life/loop-guard.ts");

test("work that comes back is left alone, however long it waits, and its error is its own", async () => {
  const waits = async () => {
    await Bun.sleep(400);
    return 7;
  };
  expect(await underGuard("model.js", waits, 100)).toBe(7);
  await expect(underGuard("model.js", () => Promise.reject(new Error("mine")), 100)).rejects.toThrow("mine");
});

test("a loop without end ends the process, with one line that names the model", async () => {
  const script = `import { underGuard } from ${JSON.stringify(GUARD)};
    await underGuard("build/model/model.js", async () => { await Bun.sleep(50); for (;;); }, 300);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "pipe" });
  expect(await child.exited).not.toBe(0);
  expect(await new Response(child.stderr).text()).toBe(
    "error[MODEL_TIMEOUT] build/model/model.js: the model has not come back for 0.3 s, so the process was ended. Mend: look for a loop without end, or make the model faster.\n",
  );
});
