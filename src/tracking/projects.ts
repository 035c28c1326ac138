/**
 * Projects, the level above experiments: an experiment's project is the part of its name before the first slash, so that every
 * client, of any version, can make one, see it and filter by it. `churn` is in no project, `team-a/churn` in team-a; a name
 * that begins with a slash is in none.
 */

import { invalid } from "../base/keys.ts";
import { experimentUse } from "../db/experiments.ts";
import type { TrackingOptions } from "./types.ts";

export interface Project {
  /** "" for all experiments that are in none. */
  name: string;
  experiments: number;
  runs: number;
  /** Start of its newest run; absent when there is none. */
  lastRunMs?: number;
}

/** "" for an experiment in no project. */
export const projectOf = (experiment: string): string => experiment.slice(0, Math.max(0, experiment.indexOf("/")));

/** Its name inside its project. */
export const nameInProject = (experiment: string): string =>
  projectOf(experiment) === "" ? experiment : experiment.slice(experiment.indexOf("/") + 1);

/** The whole name of an experiment in a project, or in none (""). */
export const inProject = (project: string, name: string): string => (project === "" ? name : `${project}/${name}`);

/** MLflow's rule for workspaces, so that every project can be one; INVALID. */
export function checkProject(name: string): void {
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name) || name.length < 2 || name.length > 63)
    throw invalid(
      `Invalid project '${name}': 2 to 63 lowercase letters, digits and hyphens, the first and the last no hyphen`,
    );
}

export function createProjects({ db }: TrackingOptions) {
  return {
    /** Those with active experiments, by name. */
    async listProjects(): Promise<Project[]> {
      const projects = new Map<string, Project>();
      for (const { name, runs, last_ms } of await experimentUse(db)) {
        const project = projects.get(projectOf(name)) ?? { name: projectOf(name), experiments: 0, runs: 0 };
        project.experiments++;
        project.runs += Number(runs);
        if (last_ms !== null) project.lastRunMs = Math.max(project.lastRunMs ?? 0, Number(last_ms));
        projects.set(project.name, project);
      }
      return [...projects.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}
