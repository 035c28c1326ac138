/**
 * Writes small ONNX models, so that tests need no Python: softmax(X·W + b) as a classifier, X·W + b as a regression.
 * Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */

type Bytes = number[];

const varint = (value: number): Bytes =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
const int = (field: number, value: number): Bytes => [...varint(field * 8), ...varint(value)];
const bytes = (field: number, value: Bytes): Bytes => [...varint(field * 8 + 2), ...varint(value.length), ...value];
const text = (field: number, value: string): Bytes => bytes(field, [...Buffer.from(value)]);

const FLOAT = 1;
const DOUBLE = 11;

interface Linear {
  /** inputs × outputs. */
  weights: number[][];
  bias: number[];
  softmax: boolean;
  /** Element type of input and output. */
  type?: "float" | "double";
}

const tensor = (name: string, dims: number[], values: number[], type: number): Bytes => {
  const raw = type === FLOAT ? new Float32Array(values) : new Float64Array(values);
  return [
    ...dims.flatMap((d) => int(1, d)),
    ...int(2, type),
    ...text(8, name),
    ...bytes(9, [...new Uint8Array(raw.buffer)]),
  ];
};

const value = (name: string, width: number, type: number): Bytes => {
  const shape = [bytes(1, text(2, "n")), bytes(1, int(1, width))].flat();
  return [...text(1, name), ...bytes(2, bytes(1, [...int(1, type), ...bytes(2, shape)]))];
};

const node = (op: string, inputs: string[], output: string): Bytes => [
  ...inputs.flatMap((name) => text(1, name)),
  ...text(2, output),
  ...text(4, op),
];

/** The file's bytes. */
export function onnxModel({ weights, bias, softmax, type = "float" }: Linear): Uint8Array {
  const element = type === "float" ? FLOAT : DOUBLE;
  const [inputs, outputs] = [weights.length, bias.length];
  const last = softmax ? "raw" : "y";
  const graph = [
    bytes(1, node("MatMul", ["x", "w"], "product")),
    bytes(1, node("Add", ["product", "b"], last)),
    ...(softmax ? [bytes(1, node("Softmax", ["raw"], "y"))] : []),
    text(2, "linear"),
    bytes(5, tensor("w", [inputs, outputs], weights.flat(), element)),
    bytes(5, tensor("b", [outputs], bias, element)),
    bytes(11, value("x", inputs, element)),
    bytes(12, value("y", outputs, element)),
  ].flat();
  return Uint8Array.from([...int(1, 8), ...bytes(7, graph), ...bytes(8, int(2, 13))]);
}
