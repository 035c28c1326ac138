/**
 * The `MLmodel` file of a version's folder: MLflow's format, read and written. Trimtab's own part is a flavor called
 * `trimtab`; MLflow ignores flavors that it does not know, Trimtab ignores keys that it does not know.
 */

import { join } from "node:path";
import type { ColumnSpec, ColumnType } from "../base/columns.ts";
import { asTrimtabError, fail } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";
import { readYaml, writeYaml } from "./yaml.ts";

export type RuntimeName = "javascript" | "onnx" | "python";

/** flavors.trimtab: how the folder is served. Paths are relative to the folder. */
export interface TrimtabFlavor {
  runtime: RuntimeName;
  /** The file or folder that the runtime loads: model.ts, model.onnx, model.pkl, or "." for an MLflow pyfunc folder. */
  entry: string;
  task: "classification" | "regression";
  target: string;
  /** Class labels in the order of the probabilities' columns. */
  classes?: (string | number | boolean)[];
  /** What /predict takes: the raw columns before features. */
  inputs: ColumnSpec[];
  /** Fitted feature state; absent when the model takes raw columns. */
  features?: "features.json";
  /** Reference profile for the monitor. */
  reference?: "reference.json";
  /** A few raw training rows and the features training saw for them: warm-up and the parity check. */
  samples?: "samples.json";
}

/** A whole MLmodel file. What we do not know of it is kept, so that reading and writing back loses nothing. */
export interface Mlmodel {
  trimtab?: TrimtabFlavor;
  /** Every flavor but ours, as written. */
  flavors: Record<string, Record<string, unknown>>;
  /** MLflow's signature, its JSON texts already parsed. */
  signature?: { inputs?: SignatureColumn[]; outputs?: SignatureColumn[] };
  /** run_id, model_uuid, utc_time_created, model_size_bytes, …: every other key, as written. */
  other: Record<string, unknown>;
}

/** A ColSpec or TensorSpec of MLflow's signature. */
export interface SignatureColumn {
  type: string;
  name?: string;
  required?: boolean;
}

/** Larger ones are not MLmodel files. */
const MLMODEL_BYTES_MAX = 4 << 20;

/** Reads `<folder>/MLmodel`. Throws FILE_NOT_FOUND, or MODEL_INVALID when it cannot be what it says. */
export async function readMlmodel(folder: string): Promise<Mlmodel> {
  const place = join(folder, "MLmodel");
  const file = Bun.file(place);
  if (!(await file.exists()))
    throw fail("FILE_NOT_FOUND", { what: "the model folder has no MLmodel file", place: folder });
  if (file.size > MLMODEL_BYTES_MAX) throw fail("MODEL_INVALID", { what: "the MLmodel file is too large", place });
  return parseMlmodel(await file.text(), place);
}

/** The same from text; `place` is named in complaints. */
export function parseMlmodel(text: string, place: string): Mlmodel {
  let raw: unknown;
  try {
    raw = readYaml(text, place).value;
  } catch (error) {
    const { message } = asTrimtabError(error);
    throw fail("MODEL_INVALID", { what: `the MLmodel file is not YAML: it ${message}`, place, cause: error });
  }
  if (!isObject(raw)) throw fail("MODEL_INVALID", { what: "MLmodel is not a mapping", place });
  const { flavors, signature, ...other } = raw;
  if (!isObject(flavors)) throw fail("MODEL_INVALID", { what: "MLmodel has no flavors", place });
  const { trimtab, ...rest } = flavors;
  const parsedSignature = parseSignature(signature, place);
  return {
    ...(trimtab === undefined ? {} : { trimtab: parseFlavor(trimtab, place) }),
    flavors: Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, isObject(value) ? value : {}])),
    ...(parsedSignature === undefined ? {} : { signature: parsedSignature }),
    other,
  };
}

/** The YAML text of an MLmodel file, in MLflow's order of keys: alphabetical. */
export function formatMlmodel(model: Mlmodel): string {
  const flavors = { ...model.flavors, ...(model.trimtab === undefined ? {} : { trimtab: model.trimtab }) };
  const signature = model.signature && {
    ...(model.signature.inputs && { inputs: JSON.stringify(model.signature.inputs) }),
    ...(model.signature.outputs && { outputs: JSON.stringify(model.signature.outputs) }),
    params: null,
  };
  return writeYaml({ ...model.other, flavors, ...(signature && { signature }) }, { sortKeys: true });
}

/** Writes `<folder>/MLmodel` atomically. */
export async function writeMlmodel(folder: string, model: Mlmodel): Promise<void> {
  await writeFileAtomic(join(folder, "MLmodel"), formatMlmodel(model));
}

/** The signature that says to MLflow what our flavor says: a ColSpec for every input. */
export function signatureOf(flavor: TrimtabFlavor): NonNullable<Mlmodel["signature"]> {
  const inputs = flavor.inputs.map(({ name, type, required }) => ({ type: MLFLOW_TYPE[type], name, required }));
  return { inputs };
}

const MLFLOW_TYPE: Record<ColumnType, string> = {
  number: "double",
  string: "string",
  boolean: "boolean",
  timestamp: "datetime",
};
const TYPE_OF_MLFLOW: Record<string, ColumnType> = {
  integer: "number",
  long: "number",
  float: "number",
  double: "number",
  string: "string",
  boolean: "boolean",
  datetime: "timestamp",
};

/**
 * How a folder is served: our flavor when it is there, else what MLflow's own flavors and signature let us conclude
 * (ONNX by our runtime, everything else by Python). Throws MODEL_INVALID when they say too little.
 */
export function flavorOf(model: Mlmodel, place: string): TrimtabFlavor {
  if (model.trimtab) return model.trimtab;
  const inputs = model.signature?.inputs?.map((column) => columnOfSignature(column, place));
  if (inputs === undefined)
    throw fail("MODEL_INVALID", {
      what: "the model has neither a trimtab flavor nor a signature, so its inputs are unknown",
      place,
      mend: "log the model with a signature or an input_example",
    });
  const labels = model.signature?.outputs?.[0]?.type;
  const task = labels !== undefined && /^(integer|long|string|boolean)$/.test(labels) ? "classification" : "regression";
  const onnx = model.flavors.onnx?.data;
  return typeof onnx === "string"
    ? { runtime: "onnx", entry: onnx, task, target: "target", inputs }
    : { runtime: "python", entry: ".", task, target: "target", inputs };
}

function columnOfSignature(column: SignatureColumn, place: string): ColumnSpec {
  const type = TYPE_OF_MLFLOW[column.type];
  if (type === undefined || column.name === undefined)
    throw fail("MODEL_INVALID", {
      what: `the signature's input ${column.name ?? "without a name"} has type ${column.type}, which is not a column`,
      place,
      mend: "log the model with a signature of named columns",
    });
  return { name: column.name, type, required: column.required ?? true };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function parseSignature(value: unknown, place: string): Mlmodel["signature"] {
  if (!isObject(value)) return undefined;
  const side = (text: unknown): SignatureColumn[] | undefined => {
    if (typeof text !== "string") return undefined;
    try {
      const columns: unknown = JSON.parse(text);
      return Array.isArray(columns) ? columns.filter(isObject).map((c) => c as unknown as SignatureColumn) : undefined;
    } catch (error) {
      throw fail("MODEL_INVALID", { what: "the signature is not JSON", place, cause: error });
    }
  };
  const inputs = side(value.inputs);
  const outputs = side(value.outputs);
  return { ...(inputs && { inputs }), ...(outputs && { outputs }) };
}

const RUNTIMES: readonly RuntimeName[] = ["javascript", "onnx", "python"];
const TYPES: readonly ColumnType[] = ["number", "string", "boolean", "timestamp"];

/** Checks our flavor's every field: the file may have been edited or cut. */
function parseFlavor(value: unknown, place: string): TrimtabFlavor {
  const refuse = (what: string) => fail("MODEL_INVALID", { what: `flavors.trimtab: ${what}`, place });
  if (!isObject(value)) throw refuse("is not a mapping");
  const { runtime, entry, task, target, classes, inputs } = value;
  if (!RUNTIMES.includes(runtime as RuntimeName)) throw refuse(`runtime ${String(runtime)} is unknown`);
  if (typeof entry !== "string" || !isInside(entry)) throw refuse("entry is not a path inside the folder");
  if (task !== "classification" && task !== "regression") throw refuse(`task ${String(task)} is unknown`);
  if (typeof target !== "string") throw refuse("target is missing");
  if (!Array.isArray(inputs) || inputs.length === 0) throw refuse("inputs are missing");
  if (classes !== undefined && !isClasses(classes)) throw refuse("classes are not two or more distinct labels");
  const columns = inputs.map((column: unknown): ColumnSpec => {
    if (!isObject(column) || typeof column.name !== "string" || !TYPES.includes(column.type as ColumnType))
      throw refuse("an input lacks a name or a known type");
    return { name: column.name, type: column.type as ColumnType, required: column.required !== false };
  });
  if (new Set(columns.map((column) => column.name)).size < columns.length) throw refuse("two inputs share a name");
  return {
    runtime: runtime as RuntimeName,
    entry,
    task,
    target,
    ...(classes !== undefined && { classes }),
    inputs: columns,
    ...(value.features !== undefined && { features: "features.json" as const }),
    ...(value.reference !== undefined && { reference: "reference.json" as const }),
    ...(value.samples !== undefined && { samples: "samples.json" as const }),
  };
}

function isClasses(value: unknown): value is (string | number | boolean)[] {
  if (!Array.isArray(value) || value.length < 2 || new Set(value).size < value.length) return false;
  const type = typeof value[0];
  return /^(string|number|boolean)$/.test(type) && value.every((label) => typeof label === type);
}

const isInside = (path: string): boolean =>
  !path.startsWith("/") && !path.includes("\\") && !path.split("/").includes("..");
