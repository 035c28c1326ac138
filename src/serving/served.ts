/**
 * What one serving process serves now. For each model it holds the active deployment and, still loaded, the one before,
 * so that going back is a change of pointer. Folders are loaded once however many deployments name them.
 *
 *   current changes → load and prove every version it names → swap the pointer → drain and close what nobody names
 *
 * A deployment that cannot be loaded changes nothing: the one before keeps serving and the failure is told.
 */

import { asTrimtabError, fail } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import { log } from "../base/log.ts";
import { nearest } from "../spec/nearest.ts";
import { type Batcher, createBatcher } from "./batch.ts";
import type { Capture } from "./capture.ts";
import type { DeployedVersion, Deployment } from "./deployment.ts";
import type { LoadedModel } from "./model.ts";
import { chooseVariant } from "./split.ts";

export interface ServedVariant {
  about: DeployedVersion;
  model: LoadedModel;
  batcher: Batcher;
  /** Label text for metrics. */
  labels: string;
}

export interface ServedModel {
  deployment: Deployment;
  capture: Capture | undefined;
  /** A variant for one request to /predict. `subject` is asked for only when there is a choice. */
  choose(subject: () => string | undefined): ServedVariant;
  /** Throws NOT_FOUND. */
  variant(name: string): ServedVariant;
}

export interface Served {
  /** Throws NOT_FOUND, or NOT_READY when nothing is loaded; `name` undefined: the only model. */
  get(name: string | undefined): ServedModel;
  names(): string[];
  deploymentId(name: string): string | undefined;
  /**
   * Loads a deployment and makes it the active one of its model; one call a model at a time. False when `isWanted`, asked
   * after loading, says that it is not current any more. Throws, and changes nothing, when a version of it cannot be proven.
   */
  activate(deployment: Deployment, isWanted?: () => Promise<boolean>): Promise<boolean>;
  /** The model is no longer deployed. */
  remove(name: string): Promise<void>;
  variants(): ServedVariant[];
  close(): Promise<void>;
}

export interface ServedOptions {
  load(folder: string, about: DeployedVersion): Promise<LoadedModel>;
  openCapture(model: string): Capture;
  labels(about: DeployedVersion): string;
  onBatch(labels: string, rows: number): void;
  keepWarmMs?: number;
}

interface Loaded {
  model: LoadedModel;
  batcher: Batcher;
}

interface Slot {
  active: ServedModel;
  variants: ServedVariant[];
  before: ServedVariant[];
  forget: NodeJS.Timeout | undefined;
}

export function createServed(options: ServedOptions): Served {
  const slots = new Map<string, Slot>();
  const loaded = new Map<string, Promise<Loaded>>();
  const captures = new Map<string, Capture>();
  /** Deployments that are being activated: their folders are in no slot yet, and are not to be closed. */
  const activating = new Set<Deployment>();

  const load = (about: DeployedVersion): Promise<Loaded> => {
    const known = loaded.get(about.folder);
    if (known) return known;
    const labels = options.labels(about);
    const loading = options.load(about.folder, about).then((model) => {
      const batcher = createBatcher((batch) => model.predict(batch), {
        ahead: model.takesAhead,
        onBatch: (rows) => options.onBatch(labels, rows),
      });
      return { model, batcher };
    });
    loaded.set(about.folder, loading);
    loading.catch(() => loaded.delete(about.folder));
    return loading;
  };

  const release = async (): Promise<void> => {
    const wanted = new Set([...activating].flatMap((deployment) => deployment.models.map((about) => about.folder)));
    for (const slot of slots.values()) for (const v of [...slot.variants, ...slot.before]) wanted.add(v.about.folder);
    const leaving = [...loaded].filter(([folder]) => !wanted.has(folder));
    for (const [folder] of leaving) loaded.delete(folder);
    await Promise.all(leaving.map(([, loading]) => loading.then(closeLoaded, () => undefined)));
  };

  const captureOf = (deployment: Deployment): Capture | undefined => {
    if (!deployment.capture.enabled) return undefined;
    const open = captures.get(deployment.model) ?? options.openCapture(deployment.model);
    captures.set(deployment.model, open);
    return open;
  };

  const replace = (deployment: Deployment, variants: ServedVariant[]): void => {
    const old = slots.get(deployment.model);
    clearTimeout(old?.forget);
    const active = serve(deployment, variants, captureOf(deployment));
    const slot: Slot = { active, variants, before: old?.variants ?? [], forget: undefined };
    slot.forget = setTimeout(() => {
      slot.before = [];
      void release();
    }, options.keepWarmMs ?? LIMITS.keepWarmMs);
    slot.forget.unref();
    slots.set(deployment.model, slot);
  };

  return {
    get(name) {
      if (slots.size === 0) throw fail("NOT_READY", { what: "no model is loaded yet" });
      const slot = name === undefined && slots.size === 1 ? slots.values().next().value : slots.get(name ?? "");
      if (slot) return slot.active;
      throw notFound("model", name, this.names(), "/models/<name>/predict");
    },
    names: () => [...slots.keys()].sort(),
    deploymentId: (name) => slots.get(name)?.active.deployment.id,
    variants: () => [...slots.values()].flatMap((slot) => slot.variants),
    async activate(deployment, isWanted) {
      activating.add(deployment);
      try {
        const variants = await Promise.all(
          deployment.models.map(async (about) => ({ about, ...(await load(about)), labels: options.labels(about) })),
        );
        if (isWanted && !(await isWanted())) return false;
        replace(deployment, variants);
        return true;
      } finally {
        activating.delete(deployment);
        void release();
      }
    },
    async remove(name) {
      clearTimeout(slots.get(name)?.forget);
      slots.delete(name);
      await release();
    },
    async close() {
      for (const slot of slots.values()) clearTimeout(slot.forget);
      slots.clear();
      await release();
      for (const capture of captures.values()) await capture.close();
    },
  };
}

async function closeLoaded({ model, batcher }: Loaded): Promise<void> {
  await batcher.idle();
  await model
    .close()
    .catch((error: unknown) => log.warn("a model did not close", { error: asTrimtabError(error).oneLine() }));
}

function serve(deployment: Deployment, variants: ServedVariant[], capture: Capture | undefined): ServedModel {
  const open = variants.filter((variant) => variant.about.weight > 0);
  const weights = open.map((variant) => variant.about.weight);
  return {
    deployment,
    capture,
    choose: (subject) => open[open.length === 1 ? 0 : chooseVariant(weights, deployment.salt, subject())]!,
    variant(name) {
      const found = variants.find((variant) => variant.about.variant === name);
      if (found) return found;
      throw notFound(
        "variant",
        name,
        variants.map((variant) => variant.about.variant),
        "/predict/<variant>",
      );
    },
  };
}

function notFound(kind: string, name: string | undefined, names: string[], form: string) {
  const near = name === undefined ? undefined : nearest(name, names);
  return fail("NOT_FOUND", {
    what: name === undefined ? `several ${kind}s are served here` : `there is no ${kind} called ${name}`,
    place: form,
    mend: near === undefined ? `ask for one of ${names.join(", ")}` : `did you mean ${near}?`,
  });
}
