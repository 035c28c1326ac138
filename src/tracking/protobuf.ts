/**
 * Just enough of protobuf to read what OpenTelemetry's exporters send, in either of its encodings, by one table of fields:
 * both come out as protobuf's JSON (camel case, bytes as base64, 64-bit integers as text). Unknown fields are left out; what
 * is no such message is INVALID.
 */

import { invalid } from "../base/keys.ts";
import { LIMITS } from "../base/limits.ts";

/** "id" is bytes that OTLP's JSON writes as hexadecimal. */
type Scalar = "string" | "bytes" | "id" | "bool" | "int64" | "uint32" | "enum" | "fixed64" | "fixed32" | "double";

interface FieldRule {
  name: string;
  kind: Scalar | (() => MessageRule);
  repeated?: boolean;
}

/** Field number → field. */
export type MessageRule = Readonly<Record<number, FieldRule>>;
export type Message = Record<string, unknown>;

const broken = (why: string) => invalid(`Invalid OpenTelemetry format: ${why}`);
const tooDeep = () => broken(`values are nested more than ${LIMITS.spanDepth} deep`);

class Wire {
  at = 0;
  private readonly view: DataView;
  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  get done(): boolean {
    return this.at >= this.bytes.length;
  }
  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw broken("it is cut short");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw broken("a number is too long");
  }
  /** A place of that many bytes, and past it. */
  private skip(count: number): number {
    const from = this.at;
    if (count > this.bytes.length - from) throw broken("it is cut short");
    this.at += count;
    return from;
  }
  fixed64 = (): bigint => this.view.getBigUint64(this.skip(8), true);
  fixed32 = (): number => this.view.getUint32(this.skip(4), true);
  double = (): number => this.view.getFloat64(this.skip(8), true);
  chunk(): Uint8Array {
    const length = Number(this.varint());
    const from = this.skip(length);
    return this.bytes.subarray(from, from + length);
  }
  /** Past a value that nobody knows. */
  ignore(type: number): void {
    if (type === 0) this.varint();
    else if (type === 1) this.fixed64();
    else if (type === 2) this.chunk();
    else if (type === 5) this.fixed32();
    else throw broken(`wire type ${type}`);
  }
}

const WIRE_TYPE: Record<Scalar, number> = {
  string: 2,
  bytes: 2,
  id: 2,
  bool: 0,
  int64: 0,
  uint32: 0,
  enum: 0,
  fixed64: 1,
  fixed32: 5,
  double: 1,
};

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const utf8 = new TextDecoder();

const doubleJson = (value: number): number | string => (Number.isFinite(value) ? value : String(value));

const FROM_WIRE: Record<Scalar, (wire: Wire) => unknown> = {
  string: (wire) => utf8.decode(wire.chunk()),
  bytes: (wire) => base64(wire.chunk()),
  id: (wire) => base64(wire.chunk()),
  bool: (wire) => wire.varint() !== 0n,
  int64: (wire) => String(BigInt.asIntN(64, wire.varint())),
  uint32: (wire) => Number(BigInt.asUintN(32, wire.varint())),
  enum: (wire) => Number(BigInt.asIntN(32, wire.varint())),
  fixed64: (wire) => String(wire.fixed64()),
  fixed32: (wire) => wire.fixed32(),
  double: (wire) => doubleJson(wire.double()),
};

function add(message: Message, { name, repeated }: FieldRule, value: unknown): void {
  if (!repeated) message[name] = value;
  else if (message[name] === undefined) message[name] = [value];
  else (message[name] as unknown[]).push(value);
}

/** The binary encoding. */
export function fromWire(bytes: Uint8Array, rule: MessageRule, depth = 0): Message {
  if (depth > LIMITS.spanDepth) throw tooDeep();
  const wire = new Wire(bytes);
  const message: Message = {};
  while (!wire.done) {
    const key = wire.varint();
    const [field, type] = [rule[Number(key >> 3n)], Number(key & 7n)];
    const isMessage = typeof field?.kind === "function";
    if (!field || type !== (isMessage ? 2 : WIRE_TYPE[field.kind as Scalar])) wire.ignore(type);
    else if (typeof field.kind === "function") add(message, field, fromWire(wire.chunk(), field.kind(), depth + 1));
    else add(message, field, FROM_WIRE[field.kind](wire));
  }
  return message;
}

/** As text, or as a number: some senders write one although JSON rounds it. */
const whole = (bits: (value: bigint) => bigint) => (value: unknown) => {
  const isWhole = typeof value === "number" ? Number.isInteger(value) : /^-?\d{1,20}$/.test(String(value));
  const number = isWhole ? BigInt(value as string | number) : undefined;
  return number !== undefined && bits(number) === number ? String(number) : undefined;
};
const unsigned32 = (value: unknown) =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 32 ? value : undefined;
const isText = (value: unknown): value is string => typeof value === "string";

/** undefined: it is none. */
const isBase64 = (value: unknown): value is string => isText(value) && /^[\w+/=-]*$/.test(value);

const FROM_JSON: Record<Scalar, (value: unknown) => unknown> = {
  string: (value) => (isText(value) ? value.toWellFormed() : undefined),
  bytes: (value) => (isBase64(value) ? base64(Buffer.from(value, "base64")) : undefined),
  id: (value) => (isText(value) && /^([0-9a-f]{2})*$/i.test(value) ? base64(Buffer.from(value, "hex")) : undefined),
  bool: (value) => (typeof value === "boolean" ? value : undefined),
  int64: whole((value) => BigInt.asIntN(64, value)),
  uint32: unsigned32,
  enum: unsigned32,
  fixed64: whole((value) => BigInt.asUintN(64, value)),
  fixed32: unsigned32,
  double: (value) => (typeof value === "number" || /^(NaN|-?Infinity)$/.test(String(value)) ? value : undefined),
};

/** How a JSON writes identifiers: OTLP's own in hexadecimal, MLflow's and protobuf's as base64. */
export type Ids = "hex" | "base64";

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The JSON encoding, names in camel or snake case, checked and brought into the form that the binary one has. */
export function fromJson(value: unknown, rule: MessageRule, ids: Ids = "hex", depth = 0): Message {
  if (depth > LIMITS.spanDepth) throw tooDeep();
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw broken("an object is expected");
  const message: Message = {};
  for (const field of Object.values(rule)) {
    const given = (value as Message)[field.name] ?? (value as Message)[snake(field.name)];
    if (given === undefined || given === null) continue;
    if (field.repeated && !Array.isArray(given)) throw broken(`${field.name} is no list`);
    for (const one of field.repeated ? (given as unknown[]) : [given]) {
      const { kind } = field;
      const scalar = kind === "id" && ids === "base64" ? "bytes" : kind;
      const read = typeof scalar === "function" ? fromJson(one, scalar(), ids, depth + 1) : FROM_JSON[scalar](one);
      if (read === undefined) throw broken(`${field.name} is no ${String(kind)}`);
      add(message, field, read);
    }
  }
  return message;
}
