/** Files of the artifact store as HTTP answers and as MLflow's listings. */

import { fail } from "../../base/errors.ts";
import { checkArtifactPath } from "../../store/artifact-path.ts";
import type { ArtifactStore } from "../../store/artifacts.ts";
import { storePathOf } from "../../tracking/artifacts.ts";

/** The store's path of something below a run's, model's or version's root. NOT_AVAILABLE when it is kept elsewhere. */
export function pathBelow(rootUri: string, path: string): string {
  const root = storePathOf(rootUri);
  if (root === undefined)
    throw fail("NOT_AVAILABLE", {
      what: `these artifacts are not kept by this server but at ${rootUri}`,
      mend: "read them there",
    });
  const clean = checkArtifactPath(path, { root: true });
  return clean === "" ? root : `${root}/${clean}`;
}

interface FileJson {
  path: string;
  is_dir: boolean;
  file_size?: number;
}

/** One folder's files; paths are given with `prefix` before the name. Nothing for a file or what is not there. */
export async function filesJson(store: ArtifactStore, folder: string, prefix: string): Promise<FileJson[]> {
  return (await store.list(folder)).map(({ path, isFolder, sizeBytes }) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    return {
      path: prefix === "" ? name : `${prefix}/${name}`,
      is_dir: isFolder,
      ...(sizeBytes ? { file_size: sizeBytes } : {}),
    };
  });
}

/** The listing of a run or logged model: paths are relative to its root. */
export async function listJson(store: ArtifactStore, rootUri: string, path: string) {
  const files = await filesJson(store, pathBelow(rootUri, path), checkArtifactPath(path, { root: true }));
  return { root_uri: rootUri, ...(files.length === 0 ? {} : { files }) };
}

const TEXT_NAMES = /(^|\/)(MLmodel|MLproject)$|\.(ya?ml|json|txt|py|md|log|conf|toml|ini|cfg|js|ts|r|sh|sql)$/i;

/** By the name alone; what the client accepts is not asked. */
const contentType = (path: string): string =>
  TEXT_NAMES.test(path) ? "text/plain; charset=utf-8" : Bun.file(path).type || "application/octet-stream";

/** Plain names as they are, the others as RFC 5987 writes them. */
const disposition = (name: string): string =>
  /^[\w.-]+$/.test(name) ? `attachment; filename=${name}` : `attachment; filename*=UTF-8''${encodeURIComponent(name)}`;

/** "bytes=5-9" of a file of that size, as [from, to); undefined when the header is absent or not one range. */
function rangeOf(header: string | null, sizeBytes: number): { from: number; to: number } | "outside" | undefined {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (!found || (found[1] === "" && found[2] === "")) return undefined;
  if (found[1] === "") {
    const length = Math.min(Number(found[2]), sizeBytes);
    return length === 0 ? "outside" : { from: sizeBytes - length, to: sizeBytes };
  }
  const from = Number(found[1]);
  const to = found[2] === "" ? sizeBytes : Math.min(Number(found[2]) + 1, sizeBytes);
  return from >= sizeBytes || to <= from ? "outside" : { from, to };
}

/** The file as a download, or the part of it that Range asks for. NOT_FOUND. */
export async function fileResponse(store: ArtifactStore, path: string, request: Request): Promise<Response> {
  const sizeBytes = await store.size(path);
  if (sizeBytes === undefined) throw fail("NOT_FOUND", { what: `No such artifact: '${path}'` });
  const headers: Record<string, string> = {
    "Content-Type": contentType(path),
    "Content-Disposition": disposition(path.slice(path.lastIndexOf("/") + 1)),
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
  };
  const range = rangeOf(request.headers.get("range"), sizeBytes);
  if (range === "outside")
    return new Response(null, { status: 416, headers: { ...headers, "Content-Range": `bytes */${sizeBytes}` } });
  const { from, to } = range ?? { from: 0, to: sizeBytes };
  headers["Content-Length"] = String(to - from);
  const body = request.method === "HEAD" ? null : await store.get(path, { startByte: from, endByte: to });
  if (range === undefined) return new Response(body, { headers });
  headers["Content-Range"] = `bytes ${from}-${to - 1}/${sizeBytes}`;
  return new Response(body, { status: 206, headers });
}
