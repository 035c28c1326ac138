/**
 * Where a version's bytes come from. A source is checked before it is believed: the server would read a local path with its
 * own rights, so one is accepted only inside the artifacts of the run that it names, and so is what this server keeps
 * itself (else a version would open what its reader may not see). `models:/` and `runs:/` are resolved
 * once, when the version is made, because what they point at may move.
 */

import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { fail } from "../base/errors.ts";
import { invalid } from "../base/keys.ts";
import type { Sql } from "../db/db.ts";
import { loggedModelById } from "../db/logged_models.ts";
import { aliasRow } from "../db/models.ts";
import { runById } from "../db/runs.ts";
import { mustFindVersion } from "./read.ts";

export interface ResolvedSource {
  /** What a client downloads. */
  storageUri: string;
  /** Known from the logged model or version that the source names. */
  runId?: string;
  modelId?: string;
}

const badSource = (source: string, why: string) => invalid(`Invalid model version source: '${source}'. ${why}`);

/** "a%252e%252e" → "a..": until nothing changes. */
function fullyDecoded(text: string): string {
  let clean = text;
  for (let i = 0; i < 10; i++) {
    let next: string;
    try {
      next = decodeURIComponent(clean.replaceAll("+", " "));
    } catch {
      return clean;
    }
    if (next === clean) return clean;
    clean = next;
  }
  return clean;
}

/** INVALID for a source that hides a step upwards or a NUL. */
function checkHidden(source: string): void {
  const clean = fullyDecoded(source);
  if (clean.includes("\0") || clean.split(/[/\\]/).includes(".."))
    throw badSource(
      source,
      "If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references present. Please provide an absolute path.",
    );
}

const isLocal = (uri: string): boolean => !/^[a-zA-Z][a-zA-Z0-9+.-]+:/.test(uri) || /^file:/i.test(uri);

/** The artifacts' root of the logged model or run that a version is said to come from. */
async function rootOf(sql: Sql, owner: { runId?: string; modelId?: string }): Promise<string | undefined> {
  if (owner.modelId !== undefined) return (await loggedModelById(sql, owner.modelId))?.artifact_uri;
  return owner.runId === undefined ? undefined : (await runById(sql, owner.runId))?.artifact_uri;
}

/** Where in the artifact proxy's tree a URI points; undefined when it points elsewhere. */
export const proxiedPath = (uri: string): string | undefined =>
  (/^mlflow-artifacts:(?:\/\/[^/]*)?\/+(.*)$/i.exec(uri) ??
    /^https?:\/\/[^/]+\/(?:.*\/)?api\/2\.0\/mlflow-artifacts\/artifacts\/+(.*)$/i.exec(uri))?.[1]?.replace(/\/+$/, "");

/** What this server keeps is registered only as its owner's: the run or logged model in whose artifacts it lies. */
async function checkProxied(sql: Sql, source: string, owner: { runId?: string; modelId?: string }): Promise<void> {
  const path = proxiedPath(fullyDecoded(source));
  if (path === undefined) throw badSource(source, "An http or https source must be of this server's artifact proxy.");
  const root = await rootOf(sql, owner);
  const rootPath = root === undefined ? undefined : proxiedPath(root);
  if (rootPath !== undefined && `${path}/`.startsWith(`${rootPath}/`)) return;
  const name = owner.modelId === undefined ? "run_id" : "model_id";
  throw badSource(
    source,
    `The ${name} request parameter has to be specified and the source has to be contained within its artifact directory.`,
  );
}

function localPath(uri: string): string {
  try {
    return /^file:/i.test(uri) ? fileURLToPath(uri) : uri;
  } catch {
    throw badSource(uri, "It is not a path of this machine.");
  }
}

/** A local source must lie in the artifacts of its run or logged model, which must be local too. */
async function checkLocal(sql: Sql, source: string, owner: { runId?: string; modelId?: string }): Promise<void> {
  checkHidden(source);
  const root = await rootOf(sql, owner);
  const path = posix.normalize(localPath(source));
  if (root && isLocal(root) && `${path}/`.startsWith(`${posix.normalize(localPath(root)).replace(/\/+$/, "")}/`))
    return;
  const name = owner.modelId === undefined ? "run_id" : "model_id";
  throw badSource(
    source,
    `To use a local path as a model version source, the ${name} request parameter has to be specified and the local path has to be contained within the artifact directory of the run specified by the ${name}.`,
  );
}

export interface NamedSource {
  /** A logged model. */
  modelId?: string;
  /** A registered model, with a version or an alias. */
  model?: string;
  version?: string;
  alias?: string;
  runId?: string;
  /** Inside the run's artifacts. */
  path?: string;
}

/** What a `models:/` or `runs:/` source names: whoever registers it must be allowed to read that. Empty for other sources. */
export function namedIn(source: string): NamedSource {
  const logged = /^models:\/+(m-[^/]+)\/?$/.exec(source);
  if (logged) return { modelId: logged[1]! };
  const version = /^models:\/+([^/@]+)(?:\/(\d+)|@([^/]+))\/?$/.exec(source);
  if (version)
    return {
      model: fullyDecoded(version[1]!),
      ...(version[2] === undefined ? { alias: version[3]! } : { version: version[2] }),
    };
  const run = /^runs:\/+([^/]+)\/(.*)$/.exec(source);
  return run ? { runId: run[1]!, path: run[2]! } : {};
}

/** The checked source as a place; NOT_FOUND when it names a model, version or run that is not there. */
export async function resolveSource(
  sql: Sql,
  source: string,
  owner: { runId?: string; modelId?: string },
): Promise<ResolvedSource> {
  if (isLocal(source)) {
    await checkLocal(sql, source, owner);
    return { storageUri: source };
  }
  checkHidden(source);
  const named = namedIn(source);
  if (named.modelId !== undefined) return resolveLogged(sql, named.modelId);
  if (named.model !== undefined) return resolveVersion(sql, named.model, named.version, named.alias);
  if (named.runId !== undefined) return resolveRun(sql, source, named.runId, named.path ?? "", owner);
  if (/^(models|runs):/.test(source)) throw badSource(source, "It names no model, version or run.");
  if (/^(mlflow-artifacts|https?):/i.test(source)) await checkProxied(sql, source, owner);
  return { storageUri: source };
}

async function resolveLogged(sql: Sql, modelId: string): Promise<ResolvedSource> {
  const row = await loggedModelById(sql, modelId);
  if (!row) throw fail("NOT_FOUND", { what: `Logged model with ID '${modelId}' not found.` });
  return { storageUri: row.artifact_uri, modelId, ...(row.source_run_id === "" ? {} : { runId: row.source_run_id }) };
}

async function resolveVersion(
  sql: Sql,
  name: string,
  number: string | undefined,
  alias: string | undefined,
): Promise<ResolvedSource> {
  const version = number ?? (await aliasRow(sql, name, alias!))?.version;
  if (version === undefined) throw invalid(`Registered model alias ${alias} not found.`);
  const row = await mustFindVersion(sql, name, Number(version));
  return {
    storageUri: row.storage_uri,
    ...(row.run_id === null ? {} : { runId: row.run_id }),
    ...(row.model_id === null ? {} : { modelId: row.model_id }),
  };
}

async function resolveRun(
  sql: Sql,
  source: string,
  runId: string,
  path: string,
  owner: { runId?: string },
): Promise<ResolvedSource> {
  if (owner.runId !== undefined && owner.runId !== runId)
    throw badSource(source, "It is not of the run that run_id names.");
  const row = await runById(sql, runId);
  if (!row) throw fail("NOT_FOUND", { what: `Run with id=${runId} not found` });
  return { storageUri: `${row.artifact_uri}/${path}`, runId };
}
