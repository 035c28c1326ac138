import { expect, test } from "bun:test";
import { trimtab, trimtabJson } from "../../program.ts";
import { tempFolder } from "../../temp.ts";

test("webhooks are made, listed, tried out and removed from the terminal", async () => {
  const received: string[] = [];
  const receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      received.push(((await request.json()) as { event: { kind: string } }).event.kind);
      return received.length > 1 ? new Response("enough", { status: 410 }) : new Response("heard");
    },
  });
  const at = { cwd: tempFolder(), env: { TRIMTAB_WEBHOOKS_PRIVATE: "allow" } };
  const url = `http://127.0.0.1:${receiver.port}/hook`;
  const secret = "a word that nobody guesses";
  const made = await trimtab(["webhook", "add", url, "--on", "approval.*", "--secret", secret, "--json"], at);
  expect(made).toMatchObject({ exit: 0 });
  const { id } = JSON.parse(made.stdout) as { id: string };
  const { webhooks } = await trimtabJson<{ webhooks: object[] }>(["webhook", "list"], at);
  expect(webhooks).toMatchObject([{ id, url, events: ["approval.*"], hasSecret: true, active: true }]);
  expect(made.stdout + JSON.stringify(webhooks)).not.toContain(secret);
  const begin = id.slice(0, 8);
  expect(await trimtab(["webhook", "test", begin], at)).toMatchObject({ exit: 0, stdout: "200 heard\n" });
  expect(await trimtab(["webhook", "test", begin], at)).toMatchObject({ exit: 1, stdout: "410 enough\n" });
  expect(received).toEqual(["approval.test", "approval.test"]);
  // What is tried out is not an event of the journal.
  expect(await trimtabJson(["webhook", "log", begin], at)).toEqual({ deliveries: [] });
  expect((await trimtab(["webhook", "remove", begin], at)).exit).toBe(0);
  expect((await trimtab(["webhook", "remove", begin], at)).exit).toBe(2);
  for (const wrong of [["ftp://example.org/"], [url, "--on", "everything"], ["not a url"]])
    expect((await trimtab(["webhook", "add", ...wrong], at)).exit).toBe(2);
  await receiver.stop(true);
}, 60_000);
