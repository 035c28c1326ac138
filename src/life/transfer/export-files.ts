/** Copies files of our store to the other server's artifact proxy; what is there already is left alone. */

import { storePathOf } from "../../tracking/artifacts.ts";
import type { ExportContext } from "./export-context.ts";
import { proxiedFile, proxiedFiles } from "./peer.ts";

/** Up to this size a file of the same size is read and compared; a larger one is taken for the same. */
const COMPARED_BYTES_MAX = 1024 * 1024;

type Out = Pick<ExportContext, "from" | "rest" | "counts">;

const bytesOf = (stream: ReadableStream<Uint8Array>): Promise<Uint8Array> => new Response(stream).bytes();

/** Everything below one place, to another. */
export async function exportFiles(out: Out, fromUri: string, toUri: string): Promise<void> {
  const [from, to] = [storePathOf(fromUri), storePathOf(toUri)];
  if (from === undefined) return;
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const entries = await out.from.artifacts.list(folder === "" ? from : `${from}/${folder}`);
    if (entries.length === 0) continue;
    if (to === undefined) {
      out.counts.left.push(`files of ${fromUri}: that server keeps no artifacts itself (${toUri})`);
      return;
    }
    const known = new Map((await proxiedFiles(out.rest, to).list(folder)).map((one) => [one.path, one.sizeBytes]));
    for (const { path, isFolder, sizeBytes = 0 } of entries) {
      const inside = path.slice(from.length + 1);
      if (isFolder) folders.push(inside);
      else if (known.get(inside) !== sizeBytes || !(await isSame(out, path, `${to}/${inside}`, sizeBytes)))
        await upload(out, path, `${to}/${inside}`, sizeBytes);
    }
  }
}

async function isSame({ from, rest }: Out, path: string, to: string, sizeBytes: number): Promise<boolean> {
  if (sizeBytes > COMPARED_BYTES_MAX) return true;
  const there = await (await rest.send("GET", proxiedFile(to))).bytes();
  return Buffer.compare(await bytesOf(await from.artifacts.get(path)), there) === 0;
}

async function upload({ from, rest, counts }: Out, path: string, to: string, sizeBytes: number): Promise<void> {
  const init = { body: await from.artifacts.get(path), headers: { "Content-Length": String(sizeBytes) } };
  await rest.send("PUT", proxiedFile(to), init as RequestInit);
  counts.files++;
  counts.bytes += sizeBytes;
}
