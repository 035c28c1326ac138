/**
 * Entry of a process that runs one ONNX graph: `bun onnx-child.ts <socket> <token>`. It ends when its connection does, so it
 * cannot outlive the serving process.
 */

import { rmSync } from "node:fs";
import { dirname } from "node:path";
import {
  createFrameReader,
  decodeBatch,
  decodeJson,
  encodeJson,
  encodePredictions,
  FRAME,
  type Frame,
} from "./frames.ts";
import { createWriter } from "./link.ts";
import type { OnnxModel } from "./onnx-session.ts";

interface Order {
  place: string;
  columns: string[];
  classCount?: number;
}

let model: OnnxModel | undefined;

async function answer({ id, kind, payload }: Frame): Promise<Uint8Array> {
  try {
    if (kind !== FRAME.BATCH) {
      const order = decodeJson(payload) as Order;
      const { openOnnx } = await import("./onnx-session.ts");
      model = await openOnnx(order.place, order.columns, order.classCount);
      return encodeJson(id, {});
    }
    const { columns, rows } = decodeBatch(payload);
    return encodePredictions(id, await model!.run(columns, rows));
  } catch (error) {
    return encodeJson(id, { type: "Error", message: (error as Error).message }, FRAME.ERROR);
  }
}

const [path, token] = process.argv.slice(2) as [string, string];
const connection = await Bun.connect({
  unix: path,
  socket: {
    data: (_, chunk) => reader.push(chunk),
    drain: () => write.flush(),
    // Nothing is left to wait for, and the process ends. The parent removes the socket's folder itself, unless it was killed.
    close: () => rmSync(dirname(path), { recursive: true, force: true }),
    error: () => {},
  },
});
const write = createWriter(connection);
const reader = createFrameReader((frame) => void answer(frame).then((bytes) => write.push(bytes)));
write.push(encodeJson(0, { role: "worker", token, pid: process.pid }));
