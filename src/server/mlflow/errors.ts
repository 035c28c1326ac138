/**
 * Errors as MLflow's clients know them: {error_code, message}, nothing else (a 2.22 client's tests compare the body). A client
 * retries 408, 429, 500, 502, 503 and 504 for minutes, so no expected failure has one of these.
 */

import { asTrimtabError, type ErrorCode, type TrimtabError } from "../../base/errors.ts";
import { log } from "../../base/log.ts";

interface Kind {
  status: number;
  code: string;
}

const KINDS: Partial<Record<ErrorCode, Kind>> = {
  INVALID: { status: 400, code: "INVALID_PARAMETER_VALUE" },
  MODEL_INVALID: { status: 400, code: "INVALID_PARAMETER_VALUE" },
  TARGET_REFUSED: { status: 400, code: "INVALID_PARAMETER_VALUE" },
  NOT_ACTIVE: { status: 400, code: "INVALID_PARAMETER_VALUE" },
  NOT_FOUND: { status: 404, code: "RESOURCE_DOES_NOT_EXIST" },
  ALREADY_EXISTS: { status: 400, code: "RESOURCE_ALREADY_EXISTS" },
  UNAUTHENTICATED: { status: 401, code: "UNAUTHENTICATED" },
  APPROVAL_NEEDED: { status: 403, code: "PERMISSION_DENIED" },
  FORBIDDEN: { status: 403, code: "PERMISSION_DENIED" },
  REQUEST_TOO_LARGE: { status: 413, code: "BAD_REQUEST" },
  NOT_AVAILABLE: { status: 501, code: "NOT_IMPLEMENTED" },
  DISK_FULL: { status: 507, code: "INTERNAL_ERROR" },
  // Clients try these again, until the database is back.
  DB_LOCKED: { status: 503, code: "TEMPORARILY_UNAVAILABLE" },
  DB_UNREACHABLE: { status: 503, code: "TEMPORARILY_UNAVAILABLE" },
};

/** What an error means in the protocol. */
export function kindOf(error: TrimtabError): Kind {
  return KINDS[error.code] ?? { status: 500, code: "INTERNAL_ERROR" };
}

export const errorBody = (status: number, code: string, message: string): Response =>
  Response.json({ error_code: code, message }, { status });

/** Any thrown value as the answer that a client understands. */
export function errorResponse(thrown: unknown): Response {
  const error = asTrimtabError(thrown);
  const { status, code } = kindOf(error);
  if (status === 503) {
    log.warn("mlflow.unavailable", { error: error.oneLine() });
    return errorBody(status, code, error.oneLine());
  }
  if (status >= 500 && status !== 501)
    log.error("mlflow.failed", { error: error.message, stack: (thrown as Error).stack });
  const response = errorBody(status, code, error.message);
  if (status === 401) response.headers.set("WWW-Authenticate", 'Basic realm="mlflow"');
  return response;
}

/** For a path that is none of ours: clients fall back to older calls on this code, and only on this. */
export const unknownRoute = (path: string): Response =>
  errorBody(404, "ENDPOINT_NOT_FOUND", `There is no endpoint ${path} here.`);
