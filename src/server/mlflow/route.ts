/**
 * Routes of MLflow's protocol as data: method, path, fields, what it is for, and the handler that translates. The table is
 * what the server serves and what docs/mlflow.md is made of.
 */

import type { Clock } from "../../base/clock.ts";
import type { Registry } from "../../registry/registry.ts";
import type { ArtifactStore } from "../../store/artifacts.ts";
import type { Tracking } from "../../tracking/tracking.ts";
import type { Who } from "../../tracking/types.ts";
import type { Webhooks } from "../webhooks/webhooks.ts";
import type { Fields, ValuesOf } from "./fields.ts";
import type { Uploads } from "./uploads.ts";

/** What handlers work with. */
export interface MlflowServices {
  tracking: Tracking;
  registry: Registry;
  artifacts: ArtifactStore;
  uploads: Uploads;
  webhooks: Webhooks;
  clock: Clock;
  /** Whether a client may call this version the champion, or (undefined) take the name away. APPROVAL_NEEDED. */
  checkClaim(model: string, version: number | undefined): Promise<void>;
}

export interface Call extends MlflowServices {
  who: Who;
  /** Parts of the path: `{model_id}`. */
  params: Readonly<Record<string, string>>;
  request: Request;
  /** Asks again, at the end of what took long, whether the caller may do this. UNAUTHENTICATED, FORBIDDEN. */
  allowed(): Promise<void>;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Route {
  methods: readonly Method[];
  /** Below /api/<version>.0 and /ajax-api/<version>.0; `{name}` is a part, `{name...}` the rest of the path. */
  path: string;
  version: 2 | 3;
  says: string;
  /** Where it differs from MLflow's server on purpose. */
  differs?: string;
  fields: Fields;
  /** An object to send as JSON, or the whole response. */
  handle(call: Call, values: Readonly<Record<string, unknown>>): Promise<object>;
}

interface Definition<F extends Fields> {
  version?: 2 | 3;
  says: string;
  differs?: string;
  fields?: F;
  handle(call: Call, values: ValuesOf<F>): Promise<object>;
}

/** "GET /mlflow/runs/get", or several methods: "POST|GET /mlflow/experiments/search". */
export function route<F extends Fields = Record<never, never>>(where: string, definition: Definition<F>): Route {
  const [methods = "", path = ""] = where.split(" ");
  const { version = 2, fields, handle, ...rest } = definition;
  return {
    ...rest,
    methods: methods.split("|") as Method[],
    path,
    version,
    fields: fields ?? {},
    handle: (call, values) => handle(call, values as ValuesOf<F>),
  };
}

/** What a guard has confined a list to: ids of experiments or names of models. */
export const onlyIn = (values: object): { only?: readonly string[] } => {
  const { only } = values as { only?: readonly string[] };
  return only === undefined ? {} : { only };
};
