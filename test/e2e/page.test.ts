/** The status page in a real browser: it says what the commands say, runs nothing that a text holds, and fits a telephone. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { browserPath, launchBrowser } from "../browser.ts";
import { freshFolder, type Served, startUp, trimtabJson } from "../program.ts";
import { writeProject } from "./project.ts";

const HOSTILE = `<img src=x onerror="document.title='owned'"> & "so"`;

const browserFile = browserPath();
const folder = freshFolder("page");
const cwd = { cwd: folder.path };
let served: Served;
let browser: Browser;
const complaints: string[] = [];

beforeAll(async () => {
  if (!browserFile) return;
  writeProject(folder.path);
  await trimtabJson(["run"], cwd);
  await trimtabJson(["deploy", "1", "--reason", HOSTILE], cwd);
  served = await startUp(folder.path, { processes: 1 });
  browser = await launchBrowser(browserFile);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await served?.stop();
  folder.remove();
});

async function open(width: number): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(`${served.control}/`);
  return page;
}

test.if(browserFile !== undefined)("it shows what serves, why, and what was done", async () => {
  const page = await open(1280);
  const text = await page.textContent("body");
  expect(text).toContain("Serving version 1 (100%)");
  expect(text).toContain("Nothing needs attention.");
  expect(text).toContain(HOSTILE);
  expect(await page.title()).toBe("Trimtab");
  expect(await page.locator("td", { hasText: "passed" }).count()).toBeGreaterThan(0);
  const api = await page.getAttribute("text=API", "href");
  expect((await fetch(served.control + api)).status).toBe(200);
  expect(complaints).toEqual([]);
});

test.if(browserFile !== undefined)("on a telephone the page does not scroll sideways", async () => {
  const page = await open(390);
  expect(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")).toBe(0);
  expect(complaints).toEqual([]);
});
