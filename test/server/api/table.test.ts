/** Every command that shows something has its route in /api/v1, or a reason why not; every route says who may call it. */

import { expect, test } from "bun:test";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { roleNeeded } from "../../../src/server/api/openapi.ts";
import { API_ROUTES } from "../../../src/server/api/routes.ts";

/** Commands that no route shows, and why. */
const ONLY_HERE: Record<string, string> = {
  init: "writes a folder where the person is",
  run: "a run through the server is a job: POST /models/{name}/retrain",
  up: "starts the server",
  serve: "starts serving processes",
  "models promote": "moves an alias: MLflow's registered-models/alias",
  "runs delete": "MLflow's runs/delete",
  "runs restore": "MLflow's runs/restore",
  "runs move": "changes what others see; at the machine only",
  "runs purge": "takes away for good; at the machine only",
  "projects move": "MLflow's experiments/update",
  "data add": "writes the workspace's files",
  "data checkout": "writes the workspace's files",
  "data pull": "writes the workspace's files",
  "data push": "sends data elsewhere",
  "data gc": "takes away for good; at the machine only",
  import: "reads files and servers that a person names",
  export: "sends everything elsewhere",
  "token create": "whoever may open the database decides who comes in",
  "token revoke": "as token create",
  "webhook add": "MLflow's webhooks/create",
  "webhook test": "MLflow's webhooks/{id}/test",
  "webhook remove": "MLflow's webhooks/delete",
  docs: "the OpenAPI document is the API's own",
};

const commands = COMMANDS.flatMap((group) => group.commands.map((command) => command.name));
const shown = new Set(API_ROUTES.flatMap((route) => route.cli ?? []));
/** "run --dry-run" is `run`. */
const commandOf = (typed: string) => typed.split(" --")[0]!;

test("every command has a route or a reason", () => {
  expect(commands.filter((name) => !shown.has(name) && !(name in ONLY_HERE))).toEqual([]);
  expect(commands.filter((name) => shown.has(name) && name in ONLY_HERE)).toEqual([]);
});

test("every command that a route or a reason names exists, with its options", () => {
  const known = new Map(COMMANDS.flatMap((group) => group.commands.map((command) => [command.name, command])));
  for (const typed of [...shown, ...Object.keys(ONLY_HERE)]) {
    const command = known.get(commandOf(typed));
    const option = typed.split(" --")[1];
    expect({ typed, known: command !== undefined }).toEqual({ typed, known: true });
    if (option !== undefined) expect(command!.options?.map(({ name }) => name)).toContain(option);
  }
});

test("a viewer only reads; what changes something takes an editor or an admin", () => {
  for (const { method, path, role, body } of API_ROUTES) {
    const needed = roleNeeded({ method, ...(role ? { role } : {}) });
    expect({ path, needed: method === "get" || needed !== "viewer" }).toEqual({ path, needed: true });
    // Only JSON with its content type is taken, so that no page of another site can make a browser post.
    expect({ path, body: (method === "get") === (body === undefined) }).toEqual({ path, body: true });
  }
  const admins = API_ROUTES.filter((route) => route.role === "admin").map((route) => route.path);
  expect(admins.sort()).toEqual([
    "/models/{name}/rollout/abort",
    "/models/{name}/rollout/approve",
    "/tokens",
    "/webhooks",
    "/webhooks/{id}/deliveries",
  ]);
});
