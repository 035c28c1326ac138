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

/** Element types by name, as onnx.proto numbers them, and how their values are stored. */
const ELEMENTS = {
  float: { id: 1, store: (values: number[]) => new Float32Array(values) },
  double: { id: 11, store: (values: number[]) => new Float64Array(values) },
  int64: { id: 7, store: (values: number[]) => BigInt64Array.from(values, BigInt) },
};
type Element = keyof typeof ELEMENTS;

interface Linear {
  /** inputs × outputs. */
  weights: number[][];
  bias: number[];
  softmax: boolean;
  /** Element type of input and output. */
  type?: Element;
  /** Rows that the graph is fixed at; default: any. */
  rows?: number;
  /** A second output that is a sequence, as zipmap makes one. */
  sequence?: boolean;
}

const tensor = (name: string, dims: number[], values: number[], type: Element): Bytes => {
  const { id, store } = ELEMENTS[type];
  return [
    ...dims.flatMap((d) => int(1, d)),
    ...int(2, id),
    ...text(8, name),
    ...bytes(9, [...new Uint8Array(store(values).buffer)]),
  ];
};

const tensorType = (width: number, type: Element, rows?: number): Bytes => {
  const shape = [bytes(1, rows === undefined ? text(2, "n") : int(1, rows)), bytes(1, int(1, width))].flat();
  return bytes(1, [...int(1, ELEMENTS[type].id), ...bytes(2, shape)]);
};

const value = (name: string, type: Bytes): Bytes => [...text(1, name), ...bytes(2, type)];

const node = (op: string, inputs: string[], output: string): Bytes => [
  ...inputs.flatMap((name) => text(1, name)),
  ...text(2, output),
  ...text(4, op),
];

/** The file's bytes. */
export function onnxModel({ weights, bias, softmax, type = "float", rows, sequence }: Linear): Uint8Array {
  const [inputs, outputs] = [weights.length, bias.length];
  const last = softmax ? "raw" : "y";
  const graph = [
    bytes(1, node("MatMul", ["x", "w"], "product")),
    bytes(1, node("Add", ["product", "b"], last)),
    ...(softmax ? [bytes(1, node("Softmax", ["raw"], "y"))] : []),
    ...(sequence ? [bytes(1, node("SequenceConstruct", ["y"], "maps"))] : []),
    text(2, "linear"),
    bytes(5, tensor("w", [inputs, outputs], weights.flat(), type)),
    bytes(5, tensor("b", [outputs], bias, type)),
    bytes(11, value("x", tensorType(inputs, type, rows))),
    bytes(12, value("y", tensorType(outputs, type, rows))),
    ...(sequence ? [bytes(12, value("maps", bytes(4, bytes(1, tensorType(outputs, type)))))] : []),
  ].flat();
  return Uint8Array.from([...int(1, 8), ...bytes(7, graph), ...bytes(8, int(2, 13))]);
}
