/** Queries about principals, their grants and their tokens. */

import type { Sql } from "./db.ts";

export interface PrincipalRow {
  name: string;
  role: string;
  created_ms: number;
}

export interface GrantRow {
  name: string;
  kind: "experiment" | "model" | "project";
  subject: string;
  role: string;
}

export interface TokenRow {
  id: string;
  name: string;
  label: string;
  hash: string;
  created_ms: number;
  expires_ms: number | null;
  used_ms: number | null;
  revoked_ms: number | null;
}

export const anyPrincipal = async (sql: Sql): Promise<boolean> =>
  (await sql.get("SELECT name FROM principals LIMIT 1")) !== undefined;

export const principal = (sql: Sql, name: string): Promise<PrincipalRow | undefined> =>
  sql.get("SELECT name, role, created_ms FROM principals WHERE name = ?", [name]);

export const putPrincipal = (sql: Sql, name: string, role: string, nowMs: number): Promise<number> =>
  sql.run(
    "INSERT INTO principals (name, role, created_ms) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET role = excluded.role",
    [name, role, nowMs],
  );

export const grantsOf = (sql: Sql, name: string): Promise<GrantRow[]> =>
  sql.all("SELECT name, kind, subject, role FROM grants WHERE name = ? ORDER BY kind, subject", [name]);

export const putGrant = (sql: Sql, row: GrantRow): Promise<number> =>
  sql.run(
    "INSERT INTO grants (name, kind, subject, role) VALUES (?, ?, ?, ?) ON CONFLICT (name, kind, subject) DO UPDATE SET role = excluded.role",
    [row.name, row.kind, row.subject, row.role],
  );

const TOKEN = "id, name, label, hash, created_ms, expires_ms, used_ms, revoked_ms";

export const insertToken = (sql: Sql, row: TokenRow): Promise<number> =>
  sql.run(`INSERT INTO tokens (${TOKEN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, [
    row.id,
    row.name,
    row.label,
    row.hash,
    row.created_ms,
    row.expires_ms,
    row.used_ms,
    row.revoked_ms,
  ]);

export const tokenById = (sql: Sql, id: string): Promise<TokenRow | undefined> =>
  sql.get(`SELECT ${TOKEN} FROM tokens WHERE id = ?`, [id]);

export const allTokens = (sql: Sql): Promise<TokenRow[]> =>
  sql.all(`SELECT ${TOKEN} FROM tokens ORDER BY name, created_ms`);

/** Resolves to 0 when there is no such token, or it is revoked already. */
export const revokeToken = (sql: Sql, id: string, nowMs: number): Promise<number> =>
  sql.run("UPDATE tokens SET revoked_ms = ? WHERE id = ? AND revoked_ms IS NULL", [nowMs, id]);

export const touchToken = (sql: Sql, id: string, nowMs: number): Promise<number> =>
  sql.run("UPDATE tokens SET used_ms = ? WHERE id = ?", [nowMs, id]);
