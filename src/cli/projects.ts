/** `projects …`: the level above experiments, which is the part of their names before the slash. */

import { fail } from "../base/errors.ts";
import type { Command, CommandGroup } from "./command.ts";
import { text, texts } from "./command.ts";
import { table, when } from "./io.ts";

const list: Command = {
  name: "projects list",
  about: "Projects with their experiments and runs",
  action: async (io) => {
    const { withLife } = await import("../life/context.ts");
    const projects = await withLife({ root: io.cwd, env: io.env }, (life) => life.tracking.listProjects());
    io.data({ projects }, () =>
      table(io, projects, [
        { title: "project", value: (p) => p.name || io.paint.dim("(none)") },
        { title: "experiments", value: (p) => p.experiments, right: true },
        { title: "runs", value: (p) => p.runs, right: true },
        {
          title: "last run",
          value: (p) => (p.lastRunMs === undefined ? "" : when(p.lastRunMs)),
        },
      ]),
    );
    return 0;
  },
};

const move: Command = {
  name: "projects move",
  about: "Put experiments into a project, which is made when it is new, or with --to none into none",
  details:
    "An experiment's project is the part of its name before the slash, so it is called project/name from then on. Ids, runs and files stay as they are, and a pipeline's next runs go on in the same experiment",
  args: [{ name: "experiment", about: "names or ids", required: true, many: true }],
  options: [{ name: "to", value: "project", about: "lowercase letters, digits and hyphens; none: out of its project" }],
  examples: ["trimtab projects move churn flights --to team-a"],
  action: async (io, input) => {
    const { withLife } = await import("../life/context.ts");
    const { experimentOf } = await import("../life/find-runs.ts");
    const { checkProject, inProject, nameInProject } = await import("../tracking/projects.ts");
    const to = text(input.options.to);
    if (to === undefined) throw fail("USAGE", { what: "--to is missing", place: "projects move" });
    if (to !== "none") checkProject(to);
    const moved = await withLife({ root: io.cwd, env: io.env }, async ({ tracking, actor }) => {
      const all: { experimentId: string; name: string }[] = [];
      for (const named of texts(input.args.experiment)) {
        const experiment = await tracking.getExperiment(await experimentOf(tracking, named));
        const name = inProject(to === "none" ? "" : to, nameInProject(experiment.name));
        if (name !== experiment.name) await tracking.renameExperiment(experiment.experimentId, name, { actor });
        all.push({ experimentId: experiment.experimentId, name });
      }
      return all;
    });
    io.data({ moved }, () => moved.map((one) => `experiment ${one.experimentId} is ${one.name} now`).join("\n"));
    return 0;
  },
};

export const projectsGroup: CommandGroup = { title: "Projects", commands: [list, move] };
