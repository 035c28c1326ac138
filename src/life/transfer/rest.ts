/** Calls to another MLflow server, with the credentials that MLflow's own client would use. */

import { fail } from "../../base/errors.ts";
import { keepSecret } from "../../base/log.ts";

type Env = Readonly<Record<string, string | undefined>>;

export interface Rest {
  /** Without credentials and without a slash at its end. */
  readonly url: string;
  get<T>(path: string, query?: Readonly<Record<string, string | number | readonly string[] | undefined>>): Promise<T>;
  post<T>(path: string, body: object): Promise<T>;
  /** PATCH or DELETE with a JSON body, as MLflow's client sends it. */
  change(method: "PATCH" | "DELETE", path: string, body: object): Promise<void>;
  /** The raw answer of another method or body; PEER_FAILED unless it is well. */
  send(method: string, path: string, init?: RequestInit): Promise<Response>;
}

const ATTEMPTS = 4;
const RETRIED = new Set([429, 502, 503, 504]);

/** Basic from the URL or MLFLOW_TRACKING_USERNAME and _PASSWORD, else Bearer from MLFLOW_TRACKING_TOKEN. */
function authorization(address: URL, env: Env): Record<string, string> {
  const user = decodeURIComponent(address.username) || env.MLFLOW_TRACKING_USERNAME;
  const password = decodeURIComponent(address.password) || env.MLFLOW_TRACKING_PASSWORD;
  if (user !== undefined && password !== undefined) {
    keepSecret(password);
    return { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
  }
  if (env.MLFLOW_TRACKING_TOKEN === undefined) return {};
  keepSecret(env.MLFLOW_TRACKING_TOKEN);
  return { Authorization: `Bearer ${env.MLFLOW_TRACKING_TOKEN}` };
}

const json = (body: object): RequestInit => ({
  body: JSON.stringify(body),
  headers: { "Content-Type": "application/json" },
});

/** `address`: http or https, with or without credentials. */
export function createRest(address: string, env: Env): Rest {
  const parsed = new URL(address);
  const headers = authorization(parsed, env);
  const url = `${parsed.protocol}//${parsed.host}${parsed.pathname}`.replace(/\/+$/, "");

  async function once(method: string, path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(`${url}${path}`, { ...init, method, headers: { ...headers, ...(init.headers as object) } });
    } catch (error) {
      throw fail("PEER_FAILED", { what: `no answer (${(error as Error).message})`, place: url, cause: error });
    }
  }

  async function send(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    // A stream can be sent only once.
    const attempts = init.body instanceof ReadableStream ? 1 : ATTEMPTS;
    for (let attempt = 1; ; attempt++) {
      const response = await once(method, path, init);
      if (response.ok) return response;
      const said = (await response.text()).slice(0, 500);
      if (!RETRIED.has(response.status) || attempt >= attempts)
        throw fail("PEER_FAILED", {
          what: `${method} ${path.split("?")[0]} was answered with ${response.status}: ${said}`,
          place: url,
          details: { status: response.status },
        });
      await Bun.sleep(250 * 2 ** attempt);
    }
  }

  return {
    url,
    send,
    async get(path, query = {}) {
      const search = new URLSearchParams();
      for (const [name, value] of Object.entries(query))
        for (const one of Array.isArray(value) ? value : [value])
          if (one !== undefined) search.append(name, String(one));
      const text = search.size === 0 ? "" : `?${search}`;
      return (await (await send("GET", `${path}${text}`)).json()) as never;
    },
    async post(path, body) {
      return (await (await send("POST", path, json(body))).json()) as never;
    },
    async change(method, path, body) {
      await (await send(method, path, json(body))).arrayBuffer();
    },
  };
}

/** Whether an error is the peer's answer with that HTTP status. */
export const isStatus = (error: unknown, status: number): boolean =>
  (error as { details?: { status?: number } }).details?.status === status;
