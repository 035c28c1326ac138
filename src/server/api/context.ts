/** What the routes of /api/v1 work with, and the parts of requests that several of them read. */

import { fail } from "../../base/errors.ts";
import { actingAs, type Life, readPipeline } from "../../life/context.ts";
import { readPairs } from "../../life/pairs.ts";
import type { Pipeline } from "../../spec/types.ts";
import { requireRoleIn } from "../access/guard.ts";
import { type ApiInput, type ApiRoute, z } from "./openapi.ts";

/** The open workspace and the pipelines that this server looks after. */
export interface ApiContext {
  life: Life;
  /** Read anew when the file changed. */
  pipelines(): Promise<Pipeline[]>;
  /** Looks at data with an engine of its own, one look after the other. */
  look<T>(look: (life: Life) => Promise<T>): Promise<T>;
  /** Judges the live windows now; resolves to how many were judged. */
  checkNow(): Promise<number>;
  /** Wakes the job loop. */
  wake(): void;
}

export type Routes = readonly ApiRoute<ApiContext>[];

export const AnyObject = z.object({}).loose();
/** A list under its name, as every list is answered. */
export const listOf = (name: string) => z.object({ [name]: z.array(AnyObject) });

export const limit = z.coerce.number().int().min(1).max(10_000).optional();
export const Limited = z.object({ limit });
/** May be given many times. */
export const many = z.union([z.string(), z.array(z.string())]).optional();
export const flag = z.enum(["true", "false"]).optional();
/** As for --param of the commands: name=value. */
export const Params = z.object({ param: many });

/** What was given of a query parameter that may be given many times. */
export const allOf = (value: unknown): string[] => (value === undefined ? [] : [value].flat().map(String));

export const limitOf = (input: ApiInput): { limit?: number } =>
  input.query.limit === undefined ? {} : { limit: input.query.limit as number };

/** The project that is named; "none": what is in no project. */
export const projectIn = ({ query }: ApiInput): { project?: string } =>
  query.project === undefined ? {} : { project: query.project === "none" ? "" : String(query.project) };

/** The workspace, with who asks for the journal. */
export const asker = ({ life }: ApiContext, { identity }: ApiInput): Life => actingAs(life, identity?.name ?? "api");

/** The pipeline that makes the model in the path. NOT_FOUND. */
export async function pipelineOf(context: ApiContext, input: ApiInput): Promise<Pipeline> {
  const name = input.params.name!;
  const all = await context.pipelines();
  const found = all.find((pipeline) => pipeline.model === name);
  if (found) return found;
  throw fail("NOT_FOUND", {
    what: `no pipeline here makes ${name}`,
    mend: `known: ${all.map((p) => p.model).join(", ") || "none"}`,
  });
}

/**
 * The same with the params that the query gives. They become part of command lines, and to plan, a command's program is asked
 * for its version: that takes an editor.
 */
export async function pipelineWith(context: ApiContext, input: ApiInput): Promise<Pipeline> {
  const pipeline = await pipelineOf(context, input);
  const pairs = allOf(input.query.param);
  if (pairs.length === 0) return pipeline;
  requireRoleIn(input.identity, "editor", pipeline.model);
  const { root, file } = pipeline;
  return readPipeline(root, { file, env: context.life.env, params: readPairs(pairs, "param") });
}

/** The version in the path. INVALID. */
export function versionNumber(input: ApiInput): number {
  const version = Number(input.params.version);
  if (Number.isSafeInteger(version) && version > 0) return version;
  throw fail("INVALID", { what: `"${input.params.version}" is not a version number`, place: "version" });
}
