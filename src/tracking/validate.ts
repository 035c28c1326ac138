/** What tracking accepts: MLflow's rules and limits, with its wording, because clients' tests match on it. */

import { fail } from "../base/errors.ts";
import { checkFreeKey, checkKey, checkLength, firstLetters, invalid, letters } from "../base/keys.ts";
import { LIMITS } from "../base/limits.ts";
import type { DatasetInput, LoggedMetric, Pair } from "./types.ts";

/** The value, cut to the limit: too long is not an error for params and run tags. */
export const cut = (limit: number, value: string): string =>
  value.length > limit && letters(value) > limit ? firstLetters(value, limit) : value;

const MAX = Number.MAX_VALUE;

/** The point as it is stored: infinities become the largest numbers, as MLflow stores them. */
export function checkedMetric<T extends LoggedMetric>(metric: T): T {
  checkKey("metric", metric.key);
  if (!Number.isInteger(metric.timestampMs) || metric.timestampMs < 0)
    throw invalid(
      `Invalid value ${metric.timestampMs} for parameter 'timestamp' supplied: metric '${metric.key}' (value=${metric.value}). Timestamp must be a nonnegative long (64-bit integer)`,
    );
  if (!Number.isInteger(metric.step))
    throw invalid(
      `Got invalid step ${metric.step} for metric '${metric.key}' (value=${metric.value}). Step must be a valid long (64-bit integer)`,
    );
  if ((metric.datasetName === undefined) !== (metric.datasetDigest === undefined))
    throw invalid("Both dataset_name and dataset_digest must be provided if one is provided");
  if (Number.isFinite(metric.value) || Number.isNaN(metric.value)) return metric;
  return { ...metric, value: metric.value > 0 ? MAX : -MAX };
}

export function checkedParam(param: Pair): Pair {
  checkKey("parameter", param.key);
  return { key: param.key, value: cut(LIMITS.paramChars, param.value) };
}

export function checkedRunTag(tag: Pair): Pair {
  checkKey("tag", tag.key);
  return { key: tag.key, value: cut(LIMITS.runTagChars, tag.value) };
}

/** A tag that a run is made with. */
export function checkedFirstTag(tag: Pair): Pair {
  checkFreeKey(tag.key);
  return { key: tag.key, value: cut(LIMITS.runTagChars, tag.value) };
}

/** A param of a logged model. */
export function checkedModelParam(param: Pair): Pair {
  checkFreeKey(param.key);
  return { key: param.key, value: cut(LIMITS.paramChars, param.value) };
}

export const checkedRunName = (name: string): string => cut(LIMITS.runNameChars, name);

export function checkExperimentTag(tag: Pair): void {
  checkKey("tag", tag.key);
  checkLength("Tag value", LIMITS.experimentTagChars, tag.value);
}

export function checkExperimentName(name: string): void {
  if (name === "") throw invalid("Invalid experiment name: ''");
  if (letters(name) > LIMITS.experimentNameChars)
    throw invalid(`'name' exceeds the maximum length of ${LIMITS.experimentNameChars} characters`);
}

/** What a search may ask for at once. */
export function pageSize(wanted: number, most: number): number {
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= most) return wanted;
  const rule = wanted < 1 ? "a positive integer" : `at most ${most}`;
  throw invalid(`Invalid value ${wanted} for parameter 'max_results' supplied. It must be ${rule}`);
}

/** A place for artifacts that a client names itself. */
export function checkLocation(location: string): void {
  if (location.startsWith("runs:")) throw invalid(`Artifact location cannot be a runs:/ URI. Given: '${location}'`);
  const [path = "", query = ""] = location.split("?");
  if (location.includes("#") || /(^|[&=/])\.\.($|[&/])/.test(decoded(query)))
    throw invalid(`Invalid artifact location: '${location}'`);
  if (/^mlflow-artifacts:/.test(path) && decoded(path).split("/").includes(".."))
    throw invalid(`Invalid artifact location: '${location}'`);
  checkLength("Artifact location", LIMITS.locationChars, location);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const RUN_ID = /^[a-zA-Z0-9][\w-]{0,255}$/;

/** NOT_FOUND for what can be no run's id. */
export function checkRunId(runId: string): void {
  if (!RUN_ID.test(runId)) throw fail("NOT_FOUND", { what: `Run with id=${firstLetters(runId, 256)} not found` });
}

/** An experiment's id as the number it is. */
export function experimentNumber(id: string): number {
  if (!/^-?\d{1,15}$/.test(id)) throw invalid(`Invalid experiment ID '${id}'. Experiment ID must be a valid integer.`);
  return Number(id);
}

/** What one log-batch may hold. */
export function checkBatchSize(metrics: number, params: number, tags: number): void {
  const check = (what: string, limit: number, count: number) => {
    if (count > limit)
      throw invalid(
        `A batch logging request can contain at most ${limit} ${what}. Got ${count} ${what}. Please split up ${what} across multiple requests and try again`,
      );
  };
  check("metrics", LIMITS.batchMetrics, metrics);
  check("params", LIMITS.batchParams, params);
  check("tags", LIMITS.batchTags, tags);
  check("metrics, params, and tags", LIMITS.batchEntities, metrics + params + tags);
}

export function checkUniqueParams(params: readonly Pair[]): void {
  const seen = new Set<string>();
  const twice = params.filter((p) => seen.size === seen.add(p.key).size).map((p) => `'${p.key}'`);
  if (twice.length > 0)
    throw invalid(
      `Duplicate parameter keys have been submitted: [${twice.join(", ")}]. Please ensure the request contains only one param value per param key`,
    );
}

export function checkDatasetInput({ dataset, tags }: DatasetInput): void {
  if (dataset.name === "") throw invalid("Dataset name cannot be empty");
  if (dataset.digest === "") throw invalid("Dataset digest cannot be empty");
  if (dataset.source === "") throw invalid("Dataset source cannot be empty");
  checkLength("Dataset name", LIMITS.datasetNameChars, dataset.name);
  checkLength("Dataset digest", LIMITS.datasetDigestChars, dataset.digest);
  checkLength("Dataset source", LIMITS.datasetSourceChars, dataset.source);
  checkLength("Dataset schema", LIMITS.datasetSchemaChars, dataset.schema ?? "");
  checkLength("Dataset profile", LIMITS.datasetProfileChars, dataset.profile ?? "");
  for (const tag of tags) {
    checkLength("InputTag key", LIMITS.inputTagKeyChars, tag.key);
    checkLength("InputTag value", LIMITS.inputTagValueChars, tag.value);
  }
}
