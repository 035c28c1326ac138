/** The one door to Hono for routes that are not part of the OpenAPI. */

export { Hono } from "hono";
