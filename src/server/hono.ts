/** The one door to Hono itself: routes that are not part of the OpenAPI, and what runs before those that are. */

export { Hono, type MiddlewareHandler } from "hono";
export { bodyLimit } from "hono/body-limit";
