/**
 * The one door to onnxruntime-node: a file becomes a function from columns to predictions. It takes one matrix input
 * (rows × columns) or one input a column, and gives what the graph's outputs hold: numbers, text, probabilities. A graph
 * whose inputs are fixed at one row, as PyTorch exports them unless told otherwise, is run once a row.
 *
 * `run` works synchronously on the thread that calls it (onnxruntime #19611), so who calls it decides where it may block:
 * see onnx.ts. It cannot read zip-mapped outputs (a list of maps).
 */

import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Column } from "../base/columns.ts";
import type { RawPredictions } from "./frames.ts";

export interface OnnxModel {
  /** `columns` in the order that was given at loading. Rejects with onnxruntime's error. */
  run(columns: readonly Column[], rows: number): Promise<RawPredictions>;
  close(): Promise<void>;
}

type Metadata = { name: string; isTensor: boolean; type?: string; shape?: readonly (number | string)[] };

/** Loads a graph. Rejects when the file is no ONNX model, takes other inputs than these columns or answers with maps. */
export async function openOnnx(
  path: string,
  columns: readonly string[],
  classCount: number | undefined,
): Promise<OnnxModel> {
  // One thread: the requests of many clients share the cores, not the parts of one.
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const inputs = session.inputMetadata as readonly Metadata[];
  const maps = (session.outputMetadata as readonly Metadata[]).find((output) => !output.isTensor);
  if (maps)
    throw new Error(
      `the graph's output ${maps.name} is no tensor but a list of maps: export it with zipmap switched off`,
    );
  const feed =
    inputs.length === 1 && isMatrix(inputs[0]!, columns) ? matrixFeed(inputs[0]!) : columnFeed(inputs, columns);
  const run = async (values: readonly Column[], rows: number): Promise<RawPredictions> => {
    const outputs = await session.run(feed(values, rows));
    return readOutputs(
      session.outputNames.map((name) => outputs[name] as Tensor),
      rows,
      classCount,
    );
  };
  const takesOneRow = inputs.some((input) => input.shape?.[0] === 1);
  return { run: takesOneRow ? rowByRow(run) : run, close: () => session.release() };
}

function rowByRow(run: OnnxModel["run"]): OnnxModel["run"] {
  return async (columns, rows) => {
    const answers: RawPredictions[] = [];
    for (let row = 0; row < rows; row++)
      answers.push(
        await run(
          columns.map((column) => column.slice(row, row + 1)),
          1,
        ),
      );
    return join(answers);
  };
}

function join(answers: readonly RawPredictions[]): RawPredictions {
  const values = answers.map((answer) => answer.values);
  const isText = !(values[0] instanceof Float64Array);
  return {
    values: isText ? (values.flat() as (string | null)[]) : concatenate(values as Float64Array[]),
    probabilities: answers[0]?.probabilities && concatenate(answers.map((answer) => answer.probabilities!)),
  };
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function isMatrix(input: Metadata, columns: readonly string[]): boolean {
  const width = input.shape?.at(-1);
  if (input.name === columns[0] && columns.length === 1) return false;
  if (typeof width === "number" && width > 0 && width !== columns.length)
    throw new Error(`the graph's input ${input.name} has ${width} columns and would get ${columns.length}`);
  return true;
}

type Feed = (columns: readonly Column[], rows: number) => Record<string, Tensor>;

function matrixFeed(input: Metadata): Feed {
  return (columns, rows) => {
    const width = columns.length;
    if (input.type === "string") {
      const cells = Array.from({ length: rows * width }, (_, at) =>
        String(columns[at % width]![Math.floor(at / width)] ?? ""),
      );
      return { [input.name]: new Tensor("string", cells, [rows, width]) };
    }
    const cells = new Float64Array(rows * width);
    columns.forEach((column, k) => {
      if (!(column instanceof Float64Array)) throw new Error("a text column cannot be part of a matrix of numbers");
      for (let row = 0; row < rows; row++) cells[row * width + k] = column[row]!;
    });
    return { [input.name]: numberTensor(input, cells, [rows, width]) };
  };
}

function columnFeed(inputs: readonly Metadata[], columns: readonly string[]): Feed {
  const places = inputs.map((input) => {
    const place = columns.indexOf(input.name);
    if (place < 0) throw new Error(`the graph takes ${input.name}, which is none of ${columns.join(", ")}`);
    return place;
  });
  return (values, rows) =>
    Object.fromEntries(inputs.map((input, i) => [input.name, columnTensor(input, values[places[i]!]!, rows)]));
}

function columnTensor(input: Metadata, column: Column, rows: number): Tensor {
  const dims = input.shape?.length === 1 ? [rows] : [rows, 1];
  if (column instanceof Float64Array) return numberTensor(input, column, dims);
  if (input.type !== "string") throw new Error(`the graph takes numbers for ${input.name} and would get text`);
  return new Tensor(
    "string",
    column.map((cell) => cell ?? ""),
    dims,
  );
}

function numberTensor(input: Metadata, cells: Float64Array, dims: number[]): Tensor {
  switch (input.type) {
    case "float64":
      return new Tensor("float64", cells, dims);
    case "int64":
      return new Tensor(
        "int64",
        BigInt64Array.from(cells, (cell) => BigInt(whole(input, cell))),
        dims,
      );
    case "int32":
      return new Tensor(
        "int32",
        Int32Array.from(cells, (cell) => whole(input, cell)),
        dims,
      );
    case "bool":
      return new Tensor(
        "bool",
        Uint8Array.from(cells, (cell) => whole(input, cell)),
        dims,
      );
    case "float32":
      return new Tensor("float32", Float32Array.from(cells), dims);
    default:
      throw new Error(`the graph takes ${input.type} for ${input.name}, which no column can be`);
  }
}

/** Neither a missing number nor a half may become another number in silence. */
function whole(input: Metadata, cell: number): number {
  const isWhole = input.type === "int32" ? (cell | 0) === cell : Number.isSafeInteger(cell);
  if (isWhole) return cell;
  throw new Error(
    `the graph takes whole numbers for ${input.name} and would get ${Number.isNaN(cell) ? "a missing value" : cell}`,
  );
}

/** A matrix of one number a class is probabilities, of one number a row P(class 1); what is left, the values. */
function readOutputs(outputs: readonly Tensor[], rows: number, classCount: number | undefined): RawPredictions {
  const probable =
    classCount === undefined ? undefined : outputs.find((output) => isProbability(output, rows, classCount));
  const rest = outputs.find((output) => output !== probable);
  const probabilities = probable && numbersOf(probable);
  if (!rest) return { values: new Float64Array(0), probabilities };
  return { values: rest.type === "string" ? (rest.data as string[]) : numbersOf(rest), probabilities };
}

const isProbability = (output: Tensor, rows: number, classCount: number): boolean =>
  (output.type === "float32" || output.type === "float64") &&
  (output.size === rows * classCount || (classCount === 2 && output.size === rows));

const numbersOf = (tensor: Tensor): Float64Array =>
  tensor.data instanceof BigInt64Array
    ? Float64Array.from(tensor.data, Number)
    : Float64Array.from(tensor.data as Float32Array);
