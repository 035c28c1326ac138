/**
 * Who may come in, and as what. As long as nobody has a token the server is open to all who reach it (it listens on this machine
 * alone unless told otherwise); from the first token on everybody needs one. Tokens are long random texts: as Bearer, or as
 * the password of their owner, which is how MLflow's client sends them. Only their hash is kept.
 */

import { timingSafeEqual } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { fail } from "../../base/errors.ts";
import { hashText } from "../../base/hash.ts";
import * as rows from "../../db/access.ts";
import type { Db } from "../../db/db.ts";
import { appendEvent } from "../../db/events.ts";
import { experimentById, experimentsInProject } from "../../db/experiments.ts";
import type { Who } from "../../tracking/types.ts";

/** Each may do what those before it may. */
export const ROLES = ["none", "viewer", "editor", "admin"] as const;
export type Role = (typeof ROLES)[number];

export const atLeast = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);

export interface Grant {
  kind: "experiment" | "model" | "project";
  /** An experiment's id, a model's name, a project's name. */
  subject: string;
  role: Role;
}

export interface Identity {
  name: string;
  /** Everywhere. */
  role: Role;
  grants: readonly Grant[];
}

export interface NewToken {
  /** Its owner, a person or a machine; made when new. */
  name: string;
  /** The owner's role everywhere; unchanged when absent, viewer for a new one. */
  role?: Role;
  grants?: readonly Grant[];
  label?: string;
  expiresMs?: number;
}

export interface TokenInfo {
  id: string;
  name: string;
  role: Role;
  /** The owner's roles in single places, with the names that people know these by. */
  grants: (Grant & { place: string })[];
  label: string;
  createdMs: number;
  expiresMs?: number;
  usedMs?: number;
  revokedMs?: number;
}

/** How often the time of a token's last use is written. */
const USED_EVERY_MS = 60_000;
const PREFIX = "trimtab";

const roleOf = (text: string): Role => ROLES.find((role) => role === text) ?? "none";

/** trimtab_<id>_<secret>. */
function parseToken(token: string): { id: string; secret: string } | undefined {
  const found = /^trimtab_([0-9a-f]{12})_([0-9a-f]{64})$/.exec(token);
  return found ? { id: found[1]!, secret: found[2]! } : undefined;
}

/** The token in an Authorization header, and the name that Basic gives with it. */
function credentials(header: string): { token: string; name?: string } | undefined {
  const [scheme = "", value = ""] = header.trim().split(/\s+/, 2);
  if (/^bearer$/i.test(scheme)) return { token: value };
  if (!/^basic$/i.test(scheme)) return undefined;
  const text = Buffer.from(value, "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { name: text.slice(0, colon), token: text.slice(colon + 1) };
}

const randomHex = (sizeBytes: number): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(sizeBytes))).toString("hex");

export function createAccess({ db, clock }: { db: Db; clock: Clock }) {
  const refuse = (what: string) => fail("UNAUTHENTICATED", { what });

  async function tokenOf(header: string | null): Promise<rows.TokenRow> {
    const sent = header === null ? undefined : credentials(header);
    if (!sent) throw refuse("no token was sent");
    const parsed = parseToken(sent.token);
    const row = parsed && (await rows.tokenById(db, parsed.id));
    const hash = hashText("sha256", parsed?.secret ?? "");
    if (!row || !timingSafeEqual(Buffer.from(row.hash), Buffer.from(hash))) throw refuse("the token is not known");
    if (sent.name !== undefined && sent.name !== row.name) throw refuse("the token belongs to somebody else");
    if (row.revoked_ms !== null) throw refuse(`token ${row.id} is revoked`);
    if (row.expires_ms !== null && Number(row.expires_ms) <= clock.nowMs()) throw refuse(`token ${row.id} has expired`);
    return row;
  }

  /** What roles in projects come to for the experiments that are in them now. */
  const grantsOf = async (name: string): Promise<Grant[]> =>
    (await rows.grantsOf(db, name)).map(({ kind, subject, role }) => ({ kind, subject, role: roleOf(role) }));

  async function inProjects(grants: readonly Grant[]): Promise<Grant[]> {
    const found: Grant[] = [];
    for (const { kind, subject, role } of grants)
      if (kind === "project")
        for (const id of await experimentsInProject(db, subject)) found.push({ kind: "experiment", subject: id, role });
    return found;
  }

  /** Grants know experiments by their ids; one that is gone for good keeps its number. */
  async function placed(grant: Grant): Promise<TokenInfo["grants"][number]> {
    const experiment = grant.kind === "experiment" ? await experimentById(db, Number(grant.subject)) : undefined;
    return { ...grant, place: experiment?.name ?? grant.subject };
  }

  return {
    /** True until the first token is made. */
    isOpen: async (): Promise<boolean> => !(await rows.anyPrincipal(db)),

    /** Whose token an Authorization header carries; UNAUTHENTICATED. */
    async identify(header: string | null): Promise<Identity> {
      const token = await tokenOf(header);
      if (clock.nowMs() - Number(token.used_ms ?? 0) > USED_EVERY_MS)
        await db.write((sql) => rows.touchToken(sql, token.id, clock.nowMs()), "logged");
      const owner = await rows.principal(db, token.name);
      const grants = await grantsOf(token.name);
      return {
        name: token.name,
        role: roleOf(owner?.role ?? "none"),
        grants: [...grants, ...(await inProjects(grants))],
      };
    },

    /** Resolves to the token itself, which is never shown again, and its id. */
    async createToken(made: NewToken, who: Who): Promise<{ token: string; id: string }> {
      if (!/^[\w.@-]{1,100}$/.test(made.name))
        throw fail("INVALID", {
          what: `"${made.name}" cannot be the name of an owner`,
          mend: "letters, digits, . _ - @",
        });
      const id = randomHex(6);
      const secret = randomHex(32);
      await db.write(async (sql) => {
        const known = await rows.principal(sql, made.name);
        const role = made.role ?? (known ? roleOf(known.role) : "viewer");
        await rows.putPrincipal(sql, made.name, role, clock.nowMs());
        for (const grant of made.grants ?? []) await rows.putGrant(sql, { ...grant, name: made.name });
        await rows.insertToken(sql, {
          id,
          name: made.name,
          label: made.label ?? "",
          hash: hashText("sha256", secret),
          created_ms: clock.nowMs(),
          expires_ms: made.expiresMs ?? null,
          used_ms: null,
          revoked_ms: null,
        });
        const event = { kind: "token.created", subject: `token/${id}`, actor: who.actor, reason: who.reason ?? "" };
        await appendEvent(
          sql,
          { ...event, data: { owner: made.name, role, grants: made.grants ?? [] } },
          clock.nowMs(),
        );
      });
      return { token: `${PREFIX}_${id}_${secret}`, id };
    },

    async listTokens(): Promise<TokenInfo[]> {
      const infos: TokenInfo[] = [];
      for (const row of await rows.allTokens(db)) {
        const owner = await rows.principal(db, row.name);
        infos.push({
          id: row.id,
          name: row.name,
          role: roleOf(owner?.role ?? "none"),
          grants: await Promise.all((await grantsOf(row.name)).map(placed)),
          label: row.label,
          createdMs: Number(row.created_ms),
          ...(row.expires_ms === null ? {} : { expiresMs: Number(row.expires_ms) }),
          ...(row.used_ms === null ? {} : { usedMs: Number(row.used_ms) }),
          ...(row.revoked_ms === null ? {} : { revokedMs: Number(row.revoked_ms) }),
        });
      }
      return infos;
    },

    /** From now on it is refused; NOT_FOUND when there is none, or it is revoked already. */
    async revokeToken(id: string, who: Who): Promise<void> {
      await db.write(async (sql) => {
        if ((await rows.revokeToken(sql, id, clock.nowMs())) === 0)
          throw fail("NOT_FOUND", { what: `there is no token ${id} that is in force` });
        const event = { kind: "token.revoked", subject: `token/${id}`, actor: who.actor, reason: who.reason ?? "" };
        await appendEvent(sql, event, clock.nowMs());
      });
    },
  };
}

export type Access = ReturnType<typeof createAccess>;

/** What the identity may do with one experiment, model or project. */
export function roleFor(identity: Identity, kind: Grant["kind"], subject: string): Role {
  const here = identity.grants.filter((grant) => grant.kind === kind && grant.subject === subject);
  return [identity.role, ...here.map((grant) => grant.role)].reduce((best, role) =>
    atLeast(role, best) ? role : best,
  );
}
