/**
 * The one door to Hono's OpenAPI: our routes are data, and the server and /api/v1/openapi.json are both made from them.
 */

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { asTrimtabError, fail, TrimtabErrors } from "../../base/errors.ts";
import { toJson } from "../../base/json.ts";
import { LIMITS } from "../../base/limits.ts";
import { VERSION } from "../../base/version.ts";
import type { Identity, Role } from "../access/access.ts";
import { requireRoleIn } from "../access/guard.ts";
import { bodyLimit, type MiddlewareHandler } from "../hono.ts";

export { z };

export interface ApiRoute<Context> {
  method: "get" | "post" | "delete";
  /** Below /api/v1, parameters in braces: /models/{name}. */
  path: string;
  summary: string;
  tag: "status" | "runs" | "models" | "data" | "deployments" | "monitor" | "jobs" | "journal" | "access";
  /** The commands that show or do the same. */
  cli?: readonly string[];
  /** Who may, where that is more than the method says: a viewer reads, an editor also changes. */
  role?: Role;
  query?: z.ZodObject;
  body?: z.ZodObject;
  /** What a 200 holds. */
  answer: z.ZodType;
  handle: (context: Context, input: ApiInput) => Promise<unknown>;
}

export interface ApiInput {
  /** Who asks; undefined while the server is open to all. */
  identity: Identity | undefined;
  params: Record<string, string>;
  query: Record<string, unknown>;
  body: Record<string, unknown>;
}

const Problem = z
  .object({
    error: z.object({ code: z.string(), message: z.string(), place: z.string().optional(), mend: z.string() }),
  })
  .openapi("Problem");

/** What one must be to call a route: in the model that its path names, else everywhere. */
export const roleNeeded = ({ role, method }: Pick<ApiRoute<never>, "role" | "method">): Role =>
  role ?? (method === "get" ? "viewer" : "editor");

/** An error as every route answers it: the table's status and { error: { code, message, place, mend } }. */
export function problem(error: unknown): { status: number; body: { error: unknown } } {
  const known = asTrimtabError(error);
  const all = error instanceof TrimtabErrors ? error.errors.map((e) => e.toJSON()) : undefined;
  return { status: known.status, body: { error: { ...known.toJSON(), ...(all && all.length > 1 ? { all } : {}) } } };
}

/** Hono's own refusal, which it makes before our schemas see anything: the body is not JSON. */
const isMalformed = (error: unknown): error is Error => (error as { status?: unknown }).status === 400;
const malformed = (what: string, cause?: Error) =>
  fail("INVALID", {
    what,
    place: "body",
    mend: "send a JSON object with Content-Type: application/json; {} where nothing is asked for",
    cause,
  });

/**
 * A page of another site can make a browser post anything but JSON without asking us first; on a server that is open to all
 * on this machine that would be enough to deploy.
 */
function checkIsJson(contentType: string | undefined): void {
  if (!/^application\/json\b/i.test(contentType ?? ""))
    throw malformed(`the body is ${contentType ? `${contentType}, not JSON` : "not said to be JSON"}`);
}

/** A Hono app with the routes under /api/v1, each checked against its schemas, and their OpenAPI document. */
export function createApi<Context>(routes: readonly ApiRoute<Context>[], context: Context): OpenAPIHono {
  const app = new OpenAPIHono({
    defaultHook: (result, c) => {
      if (result.success) return undefined;
      const issue = result.error.issues[0];
      const place = issue?.path.join(".");
      return c.json(
        {
          error: {
            code: "INVALID",
            message: issue?.message ?? "invalid request",
            place,
            mend: "see /api/v1/openapi.json",
          },
        },
        400,
      );
    },
  });
  app.onError((error, c) => {
    const { status, body } = problem(isMalformed(error) ? malformed(error.message, error) : error);
    return c.json(body, status as 500);
  });
  for (const route of routes) addRoute(app, route, context);
  app.doc31("/api/v1/openapi.json", { openapi: "3.1.0", info: { title: "Trimtab", version: VERSION } });
  return app;
}

const jsonOnly: MiddlewareHandler = async (c, next) => {
  checkIsJson(c.req.header("content-type"));
  await next();
};

/** Before the body is read to be checked. */
const bounded = bodyLimit({
  maxSize: LIMITS.apiBodyBytes,
  onError() {
    throw fail("REQUEST_TOO_LARGE", {
      what: `the body has more than ${LIMITS.apiBodyBytes} bytes`,
      place: "body",
      mend: "send a smaller one",
    });
  },
});

function addRoute<Context>(app: OpenAPIHono, route: ApiRoute<Context>, context: Context): void {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
  const params = z.object(Object.fromEntries(names.map((name) => [name, z.string()])));
  const needed = roleNeeded(route);
  const same = route.cli ? ` The same as \`trimtab ${route.cli.join("`, `trimtab ")}\`.` : "";
  const definition = createRoute({
    method: route.method,
    path: `/api/v1${route.path}`,
    summary: route.summary,
    description: `Takes ${needed === "viewer" ? "a viewer" : `an ${needed}`}.${same}`,
    tags: [route.tag],
    request: {
      params,
      ...(route.query ? { query: route.query } : {}),
      ...(route.body ? { body: { content: { "application/json": { schema: route.body } } } } : {}),
    },
    ...(route.body ? { middleware: [jsonOnly, bounded] } : {}),
    responses: {
      200: { description: route.summary, content: { "application/json": { schema: route.answer } } },
      default: { description: "What went wrong, and the mend", content: { "application/json": { schema: Problem } } },
    },
  });
  app.openapi(definition, async (c) => {
    const body = route.body ? ((c.req.valid("json" as never) ?? {}) as Record<string, unknown>) : {};
    const query = route.query ? (c.req.valid("query" as never) as Record<string, unknown>) : {};
    const { identity } = (c.env ?? {}) as { identity?: Identity };
    const params = c.req.param() as Record<string, string>;
    // Again what the door checked, for the roles that only the route knows.
    requireRoleIn(identity, needed, params.name);
    const answer = await route.handle(context, { identity, params, query, body });
    return c.body(toJson(answer), 200, { "content-type": "application/json" }) as never;
  });
}
