import { expect, test } from "bun:test";
import { keepAlive } from "../../src/serving/child-model.ts";

test("a batch that waits in vain for a process that died says for how long, and that it is still being started", async () => {
  const died = Promise.withResolvers<void>();
  const link = { hello: {}, ask: () => Promise.reject(), onNotice: () => {}, closed: died.promise, close: () => {} };
  const first = { link, pid: 0, kill: () => {}, obituary: async () => "was killed" };
  let starts = 0;
  const start = () => (starts++ === 0 ? Promise.resolve(first) : new Promise<never>(() => {}));
  const model = await keepAlive(start, { columns: ["a"], place: "model.pkl", timeoutMs: 20 });
  died.resolve();
  await died.promise;
  await expect(model.predict({ rows: 1, columns: { a: new Float64Array(1) } })).rejects.toMatchObject({
    code: "MODEL_CRASHED",
    message: "the model's process died and was not back after 20 ms",
    mend: "read the model's log; it is started until it comes back",
  });
  await model.close();
});
