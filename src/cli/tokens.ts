/** `token …`: who may use the server, and as what. */

import { fail } from "../base/errors.ts";
import type { Grant, Role } from "../server/access/access.ts";
import type { Command, CommandGroup } from "./command.ts";
import { text, texts } from "./command.ts";
import type { Io } from "./io.ts";
import { table } from "./io.ts";

async function roleOf(value: string | undefined, place: string): Promise<Role | undefined> {
  if (value === undefined) return undefined;
  const { ROLES } = await import("../server/access/access.ts");
  const role = ROLES.find((one) => one === value);
  if (role) return role;
  throw fail("USAGE", { what: `"${value}" is not a role`, place, mend: `one of ${ROLES.join(", ")}` });
}

async function withAccess<T>(
  io: Io,
  work: (access: import("../server/access/access.ts").Access, life: import("../life/context.ts").Life) => Promise<T>,
): Promise<T> {
  const { withLife } = await import("../life/context.ts");
  const { createAccess } = await import("../server/access/access.ts");
  return withLife({ root: io.cwd, env: io.env }, (life) => work(createAccess(life), life));
}

/** "flights=editor" → the grant; experiments by name. */
async function grantOf(life: import("../life/context.ts").Life, kind: Grant["kind"], written: string): Promise<Grant> {
  const at = written.lastIndexOf("=");
  if (at < 1) throw fail("USAGE", { what: `"${written}" is not name=role`, place: `--${kind}` });
  const role = (await roleOf(written.slice(at + 1), `--${kind}`))!;
  const name = written.slice(0, at);
  if (kind === "project") {
    (await import("../tracking/projects.ts")).checkProject(name);
    return { kind, subject: name, role };
  }
  if (kind === "model") return { kind, subject: (await life.registry.getModel(name)).name, role };
  const experiment = await life.tracking.findExperiment(name);
  if (!experiment) throw fail("NOT_FOUND", { what: `there is no experiment ${name}`, place: "--experiment" });
  return { kind, subject: experiment.experimentId, role };
}

const create: Command = {
  name: "token create",
  about: "Make a token for a person or a machine; from the first on the server asks everybody for one",
  details:
    "The token is shown once. MLflow's clients take it as MLFLOW_TRACKING_TOKEN, or as MLFLOW_TRACKING_PASSWORD with the owner as MLFLOW_TRACKING_USERNAME. A viewer reads, an editor also writes, an admin also deletes experiments and models",
  args: [{ name: "owner", about: "whose it is; made when new", required: true }],
  options: [
    {
      name: "role",
      value: "role",
      about: "none, viewer, editor or admin, everywhere; default: as before, viewer for a new owner",
    },
    { name: "experiment", value: "name=role", about: "a role in one experiment", many: true },
    { name: "project", value: "name=role", about: "a role in all experiments of one project", many: true },
    { name: "model", value: "name=role", about: "a role for one model", many: true },
    { name: "expires", value: "duration", about: "how long it is good, as 90d; default: until it is revoked" },
    { name: "label", value: "text", about: "what it is for" },
  ],
  examples: [
    "trimtab token create ann --role admin",
    "trimtab token create ci --role none --experiment flights=editor --expires 90d",
  ],
  action: async (io, input) => {
    const { parseDurationMs } = await import("../base/units.ts");
    const expires = text(input.options.expires);
    const lastsMs = expires === undefined ? undefined : parseDurationMs(expires);
    if (expires !== undefined && lastsMs === undefined)
      throw fail("USAGE", { what: `"${expires}" is not a duration`, place: "--expires", mend: "as 12h or 90d" });
    const role = await roleOf(text(input.options.role), "--role");
    const owner = text(input.args.owner)!;
    const label = text(input.options.label);
    const made = await withAccess(io, async (access, life) => {
      const grants: Grant[] = [];
      for (const written of texts(input.options.experiment)) grants.push(await grantOf(life, "experiment", written));
      for (const written of texts(input.options.project)) grants.push(await grantOf(life, "project", written));
      for (const written of texts(input.options.model)) grants.push(await grantOf(life, "model", written));
      return access.createToken(
        {
          name: owner,
          grants,
          ...(role ? { role } : {}),
          ...(label ? { label } : {}),
          ...(lastsMs === undefined ? {} : { expiresMs: life.clock.nowMs() + lastsMs }),
        },
        { actor: life.actor },
      );
    });
    io.data({ owner, ...made }, () => made.token);
    return 0;
  },
};

const list: Command = {
  name: "token list",
  about: "Tokens, without their secrets",
  action: async (io) => {
    const tokens = await withAccess(io, (access) => access.listTokens());
    const day = (timeMs: number | undefined) =>
      timeMs === undefined ? "" : new Date(timeMs).toISOString().slice(0, 10);
    io.data({ tokens }, () =>
      table(io, tokens, [
        { title: "token", value: (t) => t.id, whole: true },
        { title: "owner", value: (t) => t.name },
        { title: "role", value: (t) => t.role },
        {
          title: "and",
          value: (t) => t.grants.map((grant) => `${grant.kind} ${grant.place}=${grant.role}`).join(", "),
        },
        { title: "label", value: (t) => t.label },
        { title: "made", value: (t) => day(t.createdMs) },
        { title: "used", value: (t) => day(t.usedMs) },
        { title: "expires", value: (t) => (t.revokedMs === undefined ? day(t.expiresMs) : io.paint.dim("revoked")) },
      ]),
    );
    return 0;
  },
};

const revoke: Command = {
  name: "token revoke",
  about: "Refuse a token from now on",
  args: [{ name: "token", about: "its id, as token list shows it", required: true }],
  action: async (io, input) => {
    const id = text(input.args.token)!;
    await withAccess(io, (access, life) => access.revokeToken(id, { actor: life.actor }));
    io.data({ revoked: id }, () => `${id} is revoked`);
    return 0;
  },
};

export const tokensGroup: CommandGroup = { title: "Access", commands: [create, list, revoke] };
