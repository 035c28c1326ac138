/**
 * What an MLflow call is about: the experiments and models whose roles decide. Read from the fields by their names, which mean
 * the same in every call.
 */

import { type NamedSource, namedIn } from "../../registry/source.ts";
import { projectOf } from "../../tracking/projects.ts";
import type { Call, Route } from "../mlflow/route.ts";
import { EXPERIMENT_HEADER, OTLP_PATH, RUN_HEADER } from "../mlflow/spans.ts";

export interface Subjects {
  experiments: string[];
  models: string[];
  projects: string[];
  /** Models that are only read, whatever the call does to the others. */
  readModels: string[];
}

type Values = Readonly<Record<string, unknown>>;

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.map(String) : typeof value === "string" && value !== "" ? [value] : [];

/** The experiment or model in whose artifacts a path of the proxy lies. */
function ofPath(path: string): Pick<Subjects, "experiments" | "models"> {
  const [first = "", second = ""] = decoded(path).split("/").filter(Boolean);
  if (/^\d+$/.test(first)) return { experiments: [first], models: [] };
  return { experiments: [], models: first === "models" && second !== "" ? [decoded(second)] : [] };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Ids of logged models in lists: of metrics, of inputs and outputs. */
const modelIdsIn = (list: unknown): string[] =>
  ((list as { model_id?: string }[] | undefined) ?? []).flatMap((one) => texts(one.model_id));

/** The trace that is written: it may be there already, in another experiment. */
const traceIdIn = ({ trace }: Values): string[] =>
  texts((trace as { trace_info?: { trace_id?: string } } | undefined)?.trace_info?.trace_id);

interface Located {
  mlflow_experiment?: { experiment_id?: string } | undefined;
}

/** Experiments that traces name as their location. */
function ofLocations({ locations, trace }: Values): string[] {
  const info = (trace as { trace_info?: { trace_location?: Located } } | undefined)?.trace_info;
  const all = [...((locations as Located[] | undefined) ?? []), ...(info?.trace_location ? [info.trace_location] : [])];
  return all.flatMap((one) => one.mlflow_experiment?.experiment_id ?? []);
}

/** Ids in fields and path parts that belong to an experiment: runs, logged models, traces. */
async function byOwner({ tracking, params, request }: Call, route: Route, values: Values): Promise<string[]> {
  const query = new URL(request.url).searchParams;
  const source = sourceOf(route, values);
  const told = route.path === OTLP_PATH ? request.headers.get(RUN_HEADER) : null;
  const runs = [values.run_id, values.run_ids, values.source_run_id, query.get("run_uuid"), source.runId, told];
  const models = [
    params.model_id,
    values.model_id,
    source.modelId,
    modelIdsIn(values.models),
    modelIdsIn(values.metrics),
  ];
  const traces = [params.trace_id, params.request_id, values.trace_id, values.trace_ids, values.request_ids];
  return tracking.experimentsOf({
    runIds: [...new Set(runs.flatMap(texts))],
    modelIds: [...new Set(models.flatMap(texts))],
    traceIds: [...new Set([...traces.flatMap(texts), ...traceIdIn(values)])],
  });
}

/** A version of what one may not read would open it. */
const sourceOf = (route: Route, values: Values): NamedSource =>
  route.path === "/mlflow/model-versions/create" ? namedIn(String(values.source)) : {};

/** Projects that a call makes experiments in, moves them to, or asks about. */
async function projectsOf({ params, tracking }: Call, route: Route, values: Values): Promise<string[]> {
  if (route.path === "/mlflow/workspaces") return texts(values.name);
  if (route.path === "/mlflow/experiments/create") return [projectOf(String(values.name))].filter(Boolean);
  if (route.path !== "/mlflow/experiments/update") return texts(params.workspace_name);
  const { name } = await tracking.getExperiment(String(values.experiment_id));
  const to = projectOf(String(values.new_name));
  return to === projectOf(name) ? [] : [to];
}

const REGISTRY = /^\/mlflow\/(registered-models|model-versions)\/|^\/model-versions\//;

/** The subjects of a call; what does not exist is left out, and the handler says that it does not. */
export async function subjectsOf(route: Route, call: Call, values: Values): Promise<Subjects> {
  const { params, tracking } = call;
  const isRegistry = REGISTRY.test(route.path);
  const isArtifact = route.path.startsWith("/mlflow-artifacts/");
  const path = isArtifact ? ofPath(params.path ?? params.folder ?? texts(values.path)[0] ?? "") : undefined;
  const named =
    route.path.endsWith("/get-by-name") && (await tracking.findExperiment(texts(values.experiment_name)[0] ?? ""));
  return {
    experiments: [
      ...texts(values.experiment_id),
      ...texts(values.experiment_ids),
      ...ofLocations(values),
      ...(await byOwner(call, route, values)),
      ...(path?.experiments ?? []),
      ...(named ? [named.experimentId] : []),
      ...(route.path === OTLP_PATH ? texts(call.request.headers.get(EXPERIMENT_HEADER)) : []),
    ],
    projects: await projectsOf(call, route, values),
    readModels: texts(sourceOf(route, values).model),
    models: [...(isRegistry ? [...texts(values.name), ...texts(values.new_name)] : []), ...(path?.models ?? [])],
  };
}
