/**
 * MLflow's workspaces are our projects. A client that has one sends it as a header with every call, and then speaks of
 * experiments by their names inside it. The names are made whole before anything else looks at them, so that roles and handlers
 * know one sort of name only.
 */

import { fail } from "../../base/errors.ts";
import { checkProject, inProject, nameInProject, projectOf } from "../../tracking/projects.ts";
import type { Experiment } from "../../tracking/types.ts";
import { required, text } from "./fields.ts";
import { experimentJson } from "./json.ts";
import { type Call, onlyIn, type Route, route } from "./route.ts";

const HEADER = "x-mlflow-workspace";
/** MLflow's name for what is in no workspace. */
const NONE = "default";
/** Made with a project, so that an empty one is kept. */
const FIRST_EXPERIMENT = "Default";

/** The client's project, "" for that of experiments in none; undefined when it names no workspace and sees all. */
export function workspaceOf(request: Request): string | undefined {
  const name = request.headers.get(HEADER)?.trim();
  if (name === undefined || name === "") return undefined;
  if (name === NONE) return "";
  checkProject(name);
  return name;
}

type Values = Readonly<Record<string, unknown>>;

/** Fields that hold an experiment's name. */
const NAMED: Readonly<Record<string, string>> = {
  "/mlflow/experiments/create": "name",
  "/mlflow/experiments/get-by-name": "experiment_name",
  "/mlflow/experiments/update": "new_name",
};

/** The fields with whole names of experiments. */
export function withWholeNames(request: Request, route: Route, values: Values): Values {
  const field = NAMED[route.path];
  const project = field === undefined ? undefined : workspaceOf(request);
  if (field === undefined || project === undefined || typeof values[field] !== "string") return values;
  return { ...values, [field]: inProject(project, values[field]) };
}

/** An experiment by the name that the client knows it by. */
export function shownExperiment({ request }: Call, experiment: Experiment): object {
  const project = workspaceOf(request);
  const isInside = project !== undefined && project === projectOf(experiment.name);
  return experimentJson(isInside ? { ...experiment, name: nameInProject(experiment.name) } : experiment);
}

/** A run is made in the client's own project; NOT_FOUND for an experiment elsewhere, as from MLflow's server. */
export async function checkInWorkspace({ request, tracking }: Call, experimentId: string): Promise<void> {
  const project = workspaceOf(request);
  if (project === undefined) return;
  const { name } = await tracking.getExperiment(experimentId);
  if (projectOf(name) === project) return;
  throw fail("NOT_FOUND", {
    what: `No Experiment with id=${experimentId} exists in workspace '${project || NONE}'. Choose one with mlflow.set_experiment(name)`,
  });
}

const workspaceJson = (name: string) => ({ name: name || NONE });

export const WORKSPACE_ROUTES: readonly Route[] = [
  route("GET /mlflow/workspaces", {
    version: 3,
    says: "The projects that have experiments; `default` stands for the experiments in none.",
    async handle({ tracking }, values) {
      const { only } = onlyIn(values);
      const names = (await tracking.listProjects()).map((project) => project.name);
      const all = names.includes("") ? names : ["", ...names];
      return { workspaces: all.filter((name) => only?.includes(name) ?? true).map(workspaceJson) };
    },
  }),
  route("POST /mlflow/workspaces", {
    version: 3,
    says: "Makes a project, with an experiment `Default` in it.",
    differs:
      "A project needs no making: an experiment's name says it. It has no description and no artifact root of its own.",
    fields: { name: required(text) },
    async handle({ tracking, who }, { name }) {
      checkProject(name);
      if (name === NONE || (await tracking.listProjects()).some((project) => project.name === name))
        throw fail("ALREADY_EXISTS", { what: `Workspace '${name}' already exists.` });
      await tracking.ensureExperiment(inProject(name, FIRST_EXPERIMENT), who);
      return Response.json({ workspace: workspaceJson(name) }, { status: 201 });
    },
  }),
  route("GET /mlflow/workspaces/{workspace_name}", {
    version: 3,
    says: "One project.",
    async handle({ tracking, params }) {
      const name = params.workspace_name === NONE ? "" : params.workspace_name!;
      const projects = await tracking.listProjects();
      if (name !== "" && !projects.some((project) => project.name === name))
        throw fail("NOT_FOUND", { what: `Workspace '${name}' not found` });
      return { workspace: workspaceJson(name) };
    },
  }),
];
