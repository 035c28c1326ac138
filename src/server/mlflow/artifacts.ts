/** MLflow's artifact proxy: files of runs and models up and down through this server, in constant memory. */

import { fail } from "../../base/errors.ts";
import { invalid } from "../../base/keys.ts";
import { LIMITS } from "../../base/limits.ts";
import { checkArtifactPath } from "../../store/artifact-path.ts";
import type { ArtifactBody } from "../../store/artifacts.ts";
import { fileResponse, filesJson, listJson, pathBelow } from "./artifact-files.ts";
import { filled, integer, list, message, required, text } from "./fields.ts";
import { versionNumber } from "./models.ts";
import { type Call, type Route, route } from "./route.ts";
import { runId } from "./runs.ts";
import { whole } from "./uploads.ts";

/** What the sender announced; absent for a chunked body. */
function announcedBytes(request: Request): number | undefined {
  const length = request.headers.get("content-length");
  return length === null || request.headers.has("transfer-encoding") ? undefined : Number(length);
}

/** The request's body, of which nothing counts unless all of it came from somebody who still may; an empty one has no stream. */
const bodyOf = ({ request, allowed }: Call): ArtifactBody =>
  whole(request.body ?? new Uint8Array(), announcedBytes(request), allowed);

async function putBody(call: Call, path: string): Promise<void> {
  await call.artifacts.put(path, bodyOf(call));
}

/** Clients fetch and send parts with these headers and no others: their own name comes back to them. */
function partHeaders(request: Request): Record<string, string> {
  const authorization = request.headers.get("authorization");
  return authorization === null ? {} : { Authorization: authorization };
}

/** The address that the client sees, also behind a proxy. */
function publicUrl({ url, headers }: Request): string {
  const from = new URL(url);
  const protocol = headers.get("x-forwarded-proto") ?? from.protocol.slice(0, -1);
  const host = headers.get("x-forwarded-host") ?? from.host;
  return `${protocol}://${host}${from.pathname}`;
}

/** The path's last name is the client's local file's; the folder is in the URL. */
const joined = (folder: string, file: string): string =>
  checkArtifactPath(`${folder}/${file.slice(Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")) + 1)}`);

const partsMessage = message({ part_number: required(integer), etag: required(text), url: text });

export const ARTIFACT_ROUTES: readonly Route[] = [
  route("GET /mlflow/artifacts/list", {
    says: "A run's files, one folder at a time; paths are relative to the run.",
    fields: { run_id: runId, path: text, page_token: text },
    async handle({ tracking, artifacts }, { run_id, path }) {
      const run = await tracking.getRun(run_id);
      return listJson(artifacts, run.artifactUri, path ?? "");
    },
  }),
  route("PUT /mlflow-artifacts/artifacts/{path...}", {
    says: "Uploads a file; it appears whole or not at all.",
    async handle(call) {
      await putBody(call, call.params.path!);
      return {};
    },
  }),
  route("GET /mlflow-artifacts/artifacts/{path...}", {
    says: "Downloads a file.",
    differs: "Of several ranges at once the whole file is sent.",
    handle: ({ artifacts, params, request }) => fileResponse(artifacts, params.path!, request),
  }),
  route("GET /mlflow-artifacts/artifacts", {
    says: "Files of a folder, names only.",
    fields: { path: text },
    async handle({ artifacts }, { path }) {
      const files = await filesJson(artifacts, path ?? "", "");
      return files.length === 0 ? {} : { files };
    },
  }),
  route("DELETE /mlflow-artifacts/artifacts/{path...}", {
    says: "Deletes a file or folder; one that is not there is no error.",
    async handle({ artifacts, params }) {
      await artifacts.delete(params.path!);
      return {};
    },
  }),
  route("POST /mlflow-artifacts/mpu/create/{folder...}", {
    says: "Begins an upload in parts.",
    differs: "Works on local disk too; the parts' URLs are this server's own.",
    fields: { path: required(text), num_parts: required(integer) },
    async handle({ uploads, params, request }, { path, num_parts }) {
      joined(params.folder ?? "", path);
      const id = await uploads.begin(num_parts);
      const [base] = publicUrl(request).split("/mlflow-artifacts/");
      return {
        upload_id: id,
        credentials: Array.from({ length: num_parts }, (_, i) => ({
          url: `${base}/mlflow-artifacts/mpu/part/${id}/${i + 1}`,
          part_number: i + 1,
          headers: partHeaders(request),
        })),
      };
    },
  }),
  route("PUT /mlflow-artifacts/mpu/part/{upload_id}/{number}", {
    says: "Uploads one part, to the URL that mpu/create gave.",
    async handle(call) {
      const { upload_id, number } = call.params;
      const etag = await call.uploads.part(upload_id!, Number(number), bodyOf(call));
      return new Response("{}", { headers: { ETag: `"${etag}"`, "Content-Type": "application/json" } });
    },
  }),
  route("POST /mlflow-artifacts/mpu/complete/{folder...}", {
    says: "Joins the parts into the file.",
    fields: { path: required(text), upload_id: required(text), parts: filled(list(partsMessage)) },
    async handle({ uploads, params }, { path, upload_id, parts }) {
      const numbered = parts.map(({ part_number, etag }) => ({ number: part_number, etag }));
      await uploads.complete(upload_id, joined(params.folder ?? "", path), numbered);
      return {};
    },
  }),
  route("POST /mlflow-artifacts/mpu/abort/{folder...}", {
    says: "Forgets an upload and its parts.",
    fields: { path: text, upload_id: required(text) },
    async handle({ uploads }, { upload_id }) {
      await uploads.abort(upload_id);
      return {};
    },
  }),
  route("GET /mlflow-artifacts/presigned/{path...}", {
    says: "The URL of a file for parallel Range downloads: this server's own.",
    async handle({ artifacts, params, request }) {
      const size = await artifacts.size(params.path!);
      if (size === undefined) throw fail("NOT_FOUND", { what: `No such artifact: '${params.path}'` });
      return {
        url: publicUrl(request).replace("/mlflow-artifacts/presigned/", "/mlflow-artifacts/artifacts/"),
        headers: partHeaders(request),
        file_size: size,
      };
    },
  }),
];

/** Routes of MLflow's web pages, outside /api. */
export const FILE_ROUTES: readonly Route[] = [
  route("GET /get-artifact", {
    says: "Downloads a run's file.",
    fields: { run_id: runId, path: required(text) },
    async handle({ tracking, artifacts, request }, { run_id, path }) {
      const run = await tracking.getRun(run_id);
      return fileResponse(artifacts, pathBelow(run.artifactUri, path), request);
    },
  }),
  route("GET /model-versions/get-artifact", {
    says: "Downloads a version's file.",
    fields: { name: required(text), version: required(text), path: required(text) },
    async handle({ registry, artifacts, request }, { name, version, path }) {
      const { storageUri } = await registry.getVersion(name, versionNumber(version));
      return fileResponse(artifacts, pathBelow(storageUri, path), request);
    },
  }),
];

/** Only MLflow's web pages call these. */
export const PAGE_ROUTES: readonly Route[] = [
  route("POST /mlflow/upload-artifact", {
    says: "Uploads a file of at most 10 MB to a run.",
    async handle(call) {
      const query = new URL(call.request.url).searchParams;
      const runId = query.get("run_uuid");
      if (!runId) throw invalid("Request must specify run_uuid.");
      const run = await call.tracking.getRun(runId);
      if (Number(call.request.headers.get("content-length") ?? 0) > LIMITS.pageUploadBytes)
        throw invalid("Artifact size is too large. Max size is 10MB.");
      const path = query.get("path");
      if (!path) throw invalid("Request must specify path.");
      await putBody(call, pathBelow(run.artifactUri, path));
      return {};
    },
  }),
  route("GET /mlflow/logged-models/{model_id}/artifacts/files", {
    says: "Downloads a logged model's file.",
    fields: { artifact_file_path: required(text) },
    async handle({ tracking, artifacts, params, request }, { artifact_file_path }) {
      const { artifactUri } = await tracking.getLoggedModel(params.model_id!);
      return fileResponse(artifacts, pathBelow(artifactUri, artifact_file_path), request);
    },
  }),
];
