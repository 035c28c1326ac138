/** Experiments on the other server: those of an earlier export by their mark, also under another name, else by name. */

import type { Experiment } from "../../tracking/types.ts";
import type { ExportContext } from "./export-context.ts";
import { marked, markOf, tagChanges } from "./marks.ts";
import { API, experimentsOf } from "./peer.ts";
import { isStatus } from "./rest.ts";
import { pairs, type WireExperiment } from "./wire.ts";

type Out = Pick<ExportContext, "rest" | "counts">;

/** What of an experiment goes to the other server. */
export type ExportedExperiment = Pick<Experiment, "experimentId" | "name" | "createdMs" | "tags">;

/** Ids begin at 1 everywhere; with its birth one is told from another's. */
const markFor = ({ experimentId, createdMs }: ExportedExperiment): string => `${experimentId}/${createdMs}`;

export interface ThereExperiments {
  all: readonly WireExperiment[];
  /** Its id there, made when it is missing; undefined, said in `left`, when it cannot be written. */
  idFor(experiment: ExportedExperiment): Promise<string | undefined>;
  /** Takes one away that an earlier export made. */
  remove(experiment: ExportedExperiment): Promise<void>;
}

export async function experimentsThere(out: Out): Promise<ThereExperiments> {
  const { rest, counts } = out;
  const all = await Array.fromAsync(experimentsOf(rest));
  const byMark = new Map(all.map((wire) => [markOf(pairs(wire.tags)), wire]));
  const byName = new Map(all.map((wire) => [wire.name, wire]));
  const post = (call: string, body: object) => rest.post(`${API}/experiments/${call}`, body);

  async function make(experiment: ExportedExperiment): Promise<string> {
    const tags = marked(experiment.tags, markFor(experiment));
    const made = await rest.post<{ experiment_id: string }>(`${API}/experiments/create`, {
      name: experiment.name,
      tags,
    });
    const { experiment_id } = made;
    byName.set(experiment.name, { experiment_id, name: experiment.name, lifecycle_stage: "active", tags });
    return experiment_id;
  }

  /** Name, life and tags of one that an earlier export made. */
  async function follow(wire: WireExperiment, experiment: ExportedExperiment): Promise<void> {
    const { experiment_id } = wire;
    if (wire.lifecycle_stage === "deleted") await post("restore", { experiment_id });
    if (wire.name !== experiment.name) await post("update", { experiment_id, new_name: experiment.name });
    const { drop } = tagChanges(experiment.tags, pairs(wire.tags));
    for (const key of drop) await dropTag(out, experiment_id, key);
  }

  return {
    all,
    async idFor(experiment) {
      const own = byMark.get(markFor(experiment));
      const wire = own ?? byName.get(experiment.name);
      if (wire === undefined) return make(experiment);
      if (own) await follow(own, experiment);
      else if (wire.lifecycle_stage === "deleted") {
        counts.left.push(`experiment ${experiment.name}: that server has deleted one of that name`);
        return undefined;
      }
      for (const tag of tagChanges(experiment.tags, pairs(wire.tags)).set)
        await post("set-experiment-tag", { experiment_id: wire.experiment_id, ...tag });
      return wire.experiment_id;
    },
    async remove(experiment) {
      const own = byMark.get(markFor(experiment));
      if (own && own.lifecycle_stage !== "deleted") await post("delete", { experiment_id: own.experiment_id });
    },
  };
}

async function dropTag({ rest, counts }: Out, experiment_id: string, key: string): Promise<void> {
  try {
    await rest.post(`${API}/experiments/delete-experiment-tag`, { experiment_id, key });
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    counts.left.push(`tag ${key} of experiment ${experiment_id}: that server cannot take it away`);
  }
}
