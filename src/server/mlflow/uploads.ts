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

export interface Uploads {
  /** Resolves to the upload's id. */
  begin(parts: number): Promise<string>;
  /** Resolves to the part's ETag, the MD5 of its bytes. */
  part(id: string, number: number, body: ArtifactBody): Promise<string>;
  /** Joins all parts into the file. INVALID when one is missing or its ETag is another. */
  complete(id: string, path: string, parts: readonly { number: number; etag: string }[]): Promise<void>;
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
    async complete(id, path, parts) {
      const count = await known(id);
      if (parts.length !== count) throw invalid(`The upload has ${count} parts, ${parts.length} are named`);
      const ordered = [...parts].sort((a, b) => a.number - b.number);
      for (const [i, { number, etag }] of ordered.entries()) {
        const stored = await textOf(`${id}/${number}.etag`);
        if (number !== i + 1 || stored === undefined) throw invalid(`Part ${i + 1} of the upload is missing`);
        if (stored !== etag.replaceAll('"', "")) throw invalid(`Part ${number} has another ETag`);
      }
      await artifacts.put(path, streamOf(joined(id, count)));
      await waiting.delete(id);
    },
    async abort(id) {
      await known(id);
      await waiting.delete(id);
    },
  };
}

function streamOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (done) return controller.close();
      controller.enqueue(value);
    },
    async cancel() {
      await chunks.return(undefined);
    },
  });
}

/** The same bytes, shown to `see` as they pass, and to `end` when there are no more. */
function seen(body: ArtifactBody, see: (chunk: Uint8Array) => void, end: () => void = () => {}): ArtifactBody {
  async function* pass(): AsyncGenerator<Uint8Array> {
    for await (const chunk of body instanceof Uint8Array ? [body] : body) {
      see(chunk);
      yield chunk;
    }
    end();
  }
  return streamOf(pass());
}

/** The same body, which fails when it does not have as many bytes as were announced: its sender died. */
export function whole(body: ArtifactBody, announcedBytes: number | undefined): ArtifactBody {
  if (announcedBytes === undefined) return body;
  let left = announcedBytes;
  return seen(
    body,
    (chunk) => {
      left -= chunk.byteLength;
    },
    () => {
      if (left !== 0) throw invalid(`the body has ${announcedBytes - left} bytes, ${announcedBytes} were announced`);
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
