/**
 * Where a webhook may go. A server that calls any address it is told is a way into its own network, so only https and public
 * addresses are called; every address that the name stands for is looked at, and the call goes to the one that was looked
 * at, so that the name cannot mean another a moment later. Redirects are not followed.
 */

import { lookup } from "node:dns/promises";
import { request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import { BlockList, isIP } from "node:net";
import { asTrimtabError, fail } from "../../base/errors.ts";

/** Networks that are not the public internet (IANA's special-purpose registries). Two lists: in one, ::ffff:0:0/96 is all of IPv4. */
const PRIVATE_4 = new BlockList();
const PRIVATE_6 = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const)
  PRIVATE_4.addSubnet(net, bits, "ipv4");
for (const [net, bits] of [
  ["::", 96],
  ["::ffff:0:0", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const)
  PRIVATE_6.addSubnet(net, bits, "ipv6");

export const isPrivate = (address: string): boolean =>
  isIP(address) === 6 ? PRIVATE_6.check(address, "ipv6") : PRIVATE_4.check(address, "ipv4");

export type Lookup = (host: string) => Promise<string[]>;

const everyAddress: Lookup = async (host) => (await lookup(host, { all: true })).map((found) => found.address);

const refused = (url: URL, why: string) =>
  fail("TARGET_REFUSED", { what: `${url.protocol}//${url.host} ${why}`, place: "webhook" });

/** The URL, when it has a form that may be called. TARGET_REFUSED. */
export function checkUrl(text: string, allowPrivate: boolean): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw fail("TARGET_REFUSED", { what: `"${text}" is not a URL`, place: "webhook" });
  }
  if (url.protocol !== "https:" && !(allowPrivate && url.protocol === "http:")) throw refused(url, "is not https");
  if (url.username !== "" || url.password !== "") throw refused(url, "carries credentials");
  return url;
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "");

/**
 * An address to call for the URL, looked at now. TARGET_REFUSED when any address of the name is private; what the lookup throws.
 * IPv4 goes first: many machines have no way out over IPv6, and a name then still has both.
 */
export async function checkedAddress(url: URL, allowPrivate: boolean, look: Lookup = everyAddress): Promise<string> {
  const host = hostOf(url);
  const addresses = isIP(host) === 0 ? await look(host) : [host];
  const first = addresses.find((address) => isIP(address) === 4) ?? addresses[0];
  if (first === undefined) throw refused(url, "has no address");
  if (!allowPrivate && addresses.some(isPrivate)) throw refused(url, "is inside a private network");
  return first;
}

/** TARGET_REFUSED for a URL that may not be called, and for a name that nobody knows now. */
export async function checkTarget(text: string, allowPrivate: boolean, look?: Lookup): Promise<void> {
  const url = checkUrl(text, allowPrivate);
  try {
    await checkedAddress(url, allowPrivate, look);
  } catch (error) {
    const { code, message } = asTrimtabError(error);
    throw code === "TARGET_REFUSED" ? error : refused(url, `has no address (${message})`);
  }
}

export interface Answer {
  status: number;
  /** The first of what was said, for the log. */
  text: string;
}

/** What is read of an answer at most: the rest of an endless one is not waited for. */
const TEXT_CHARS_MAX = 300;
const TIMEOUT_MS = 30_000;

/** Sends a body to the address that was looked at, under the name of the URL: its certificate must be for that name. */
export function postTo(
  url: URL,
  address: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  stopped: AbortSignal,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const secure = url.protocol === "https:";
  const named = isIP(hostOf(url)) === 0;
  // Not fetch(): it would call a proxy of the environment, and a proxy looks names up by itself.
  const request = (secure ? overHttps : overHttp)({
    host: address,
    port: url.port || (secure ? 443 : 80),
    path: `${url.pathname}${url.search}`,
    method: "POST",
    headers: { ...headers, Host: url.host, "Content-Length": Buffer.byteLength(body), Connection: "close" },
    agent: false,
    signal: AbortSignal.any([stopped, AbortSignal.timeout(TIMEOUT_MS)]),
    ...(secure && named ? { servername: url.hostname } : {}),
  });
  request.on("error", reject);
  request.on("response", (response) => {
    let text = "";
    const settle = () => resolve({ status: response.statusCode ?? 0, text: text.slice(0, TEXT_CHARS_MAX) });
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      text += chunk;
      if (text.length < TEXT_CHARS_MAX) return;
      settle();
      request.destroy();
    });
    response.on("end", settle);
    response.on("error", reject);
  });
  request.end(body);
  return promise;
}
