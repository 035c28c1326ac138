/**
 * Uploads in parts, on local disk: the server mints its own URLs for the parts. Each part is a file until the upload is
 * completed, so a broken connection loses one part, and parts may come in any order and at once.
 */

import { createHash } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "../../base/errors.ts";
import { randomId } from "../../base/hash.ts";
import { invalid } from "../../base/keys.ts";
import { type ArtifactBody, type ArtifactStore, openArtifactStore } from "../../store/artifacts.ts";

const PARTS_MOST = 10_000;
/** An upload that nobody completes is forgotten after so long. */
const FORGOTTEN_MS = 24 * 3_600_000;

interface NamedPart {
  number: number;
  etag: string;
}

export interface Uploads {
  /** Resolves to the upload's id. */
  begin(parts: number): Promise<string>;
  /** Resolves to the part's ETag, the MD5 of its bytes. */
  part(id: string, number: number, body: ArtifactBody): Promise<string>;
  /** Joins all parts into the file; once, also for a client that asks again. INVALID when one is missing or its ETag is another. */
  complete(id: string, path: string, parts: readonly NamedPart[]): Promise<void>;
  abort(id: string): Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);

/** `folder`: where the parts wait. */
export function createUploads(folder: string, artifacts: ArtifactStore): Uploads {
  const waiting = openArtifactStore(folder);
  const textOf = async (path: string): Promise<string | undefined> =>
    (await waiting.size(path)) === undefined ? undefined : new Response(await waiting.get(path)).text();

  /** How many parts the upload was begun with; NOT_FOUND. */
  const known = async (id: string): Promise<number> => {
    const begun = /^[0-9a-f]{32}$/.test(id) ? await textOf(`${id}/begun`) : undefined;
    if (begun === undefined) throw fail("NOT_FOUND", { what: `No upload with id ${id}` });
    return Number(begun);
  };

  async function* joined(id: string, count: number): AsyncGenerator<Uint8Array> {
    for (let number = 1; number <= count; number++) yield* await waiting.get(`${id}/${number}`);
  }

  async function checkParts(id: string, count: number, parts: readonly NamedPart[]): Promise<void> {
    if (parts.length !== count) throw invalid(`The upload has ${count} parts, ${parts.length} are named`);
    const ordered = [...parts].sort((a, b) => a.number - b.number);
    for (const [i, { number, etag }] of ordered.entries()) {
      const stored = await textOf(`${id}/${number}.etag`);
      if (number !== i + 1 || stored === undefined) throw invalid(`Part ${i + 1} of the upload is missing`);
      if (stored !== etag.replaceAll('"', "")) throw invalid(`Part ${number} has another ETag`);
    }
  }

  async function finish(id: string, path: string, parts: readonly NamedPart[]): Promise<void> {
    const count = await known(id);
    if ((await textOf(`${id}/done`)) === path) return;
    await checkParts(id, count, parts);
    await artifacts.put(path, joined(id, count));
    await waiting.put(`${id}/done`, bytes(path));
    for (let number = 1; number <= count; number++) await waiting.delete(`${id}/${number}`);
  }

  /** By id: joining gigabytes may take longer than a client waits before it asks again. */
  const underWay = new Map<string, Promise<void>>();

  return {
    async begin(parts) {
      if (!Number.isInteger(parts) || parts < 1 || parts > PARTS_MOST)
        throw invalid(`num_parts must be between 1 and ${PARTS_MOST}, got ${parts}`);
      await forgetOld(folder);
      const id = randomId();
      await waiting.put(`${id}/begun`, bytes(String(parts)));
      return id;
    },
    async part(id, number, body) {
      const count = await known(id);
      if (!Number.isInteger(number) || number < 1 || number > count) throw invalid(`Invalid part number ${number}`);
      const hash = createHash("md5");
      await waiting.put(
        `${id}/${number}`,
        seen(body, (chunk) => hash.update(chunk)),
      );
      const etag = hash.digest("hex");
      await waiting.put(`${id}/${number}.etag`, bytes(etag));
      return etag;
    },
    complete(id, path, parts) {
      const finishing = underWay.get(id) ?? finish(id, path, parts).finally(() => underWay.delete(id));
      underWay.set(id, finishing);
      return finishing;
    },
    async abort(id) {
      await known(id);
      await waiting.delete(id);
    },
  };
}

/** The same bytes, shown to `see` as they pass; `end` is awaited when there are no more. */
async function* seen(
  body: ArtifactBody,
  see: (chunk: Uint8Array) => void,
  end?: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    see(chunk);
    yield chunk;
  }
  await end?.();
}

/**
 * The same body, which fails when it does not have as many bytes as were announced, because its sender died, and when
 * `allowed` refuses at its end.
 */
export function whole(
  body: ArtifactBody,
  announcedBytes: number | undefined,
  allowed: () => Promise<void>,
): ArtifactBody {
  let sizeBytes = 0;
  return seen(
    body,
    (chunk) => {
      sizeBytes += chunk.byteLength;
    },
    async () => {
      if (announcedBytes !== undefined && sizeBytes !== announcedBytes)
        throw invalid(`the body has ${sizeBytes} bytes, ${announcedBytes} were announced`);
      await allowed();
    },
  );
}

async function forgetOld(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > FORGOTTEN_MS) await rm(path, { recursive: true, force: true });
  }
}
