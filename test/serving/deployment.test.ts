import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { injectFaults } from "../../src/base/files.ts";
import {
  currentDeployment,
  currentIds,
  type DeployEvent,
  deploymentHistory,
  deployVersion,
  rollback,
} from "../../src/serving/deployment.ts";
import { deploy, makePlace, type Place } from "./helpers.ts";

let place: Place;
beforeEach(() => {
  place = makePlace();
});
afterEach(() => place.remove());

const folderOf = (version: number) => join(place.dir, "models", "m", `v${version}`);
const versions = async () => (await currentDeployment(place.deployDir, "m"))?.models.map((v) => v.version);

test("a deployment reads back as it was written, its folders relative so that the workspace can move", async () => {
  const made = await deploy(place, 1, folderOf(1));
  expect(await currentDeployment(place.deployDir, "m")).toEqual(made);
  const text = await Bun.file(join(place.deployDir, "m", "current", "deployment.yaml")).text();
  expect(text).toContain("folder: models/m/v1");
  expect([...(await currentIds(place.deployDir)).keys()]).toEqual(["m"]);
  expect((await currentIds(join(place.dir, "nowhere"))).size).toBe(0);
});

test("rollback walks back over other versions, and a second one goes further", async () => {
  for (const version of [1, 2, 2, 3]) await deploy(place, version, folderOf(version));
  const events: DeployEvent[] = [];
  const back = () => rollback({ deployDir: place.deployDir, model: "m", onEvent: (event) => void events.push(event) });
  await back();
  expect(await versions()).toEqual([2]);
  await back();
  expect(await versions()).toEqual([1]);
  expect(events.map((event) => [event.type, event.models[0]?.version])).toEqual([
    ["rolled_back", 2],
    ["rolled_back", 1],
  ]);
  await expect(back()).rejects.toThrow("no earlier deployment");
  const history = await deploymentHistory(place.deployDir, "m");
  expect(history.map((d) => d.models[0]?.version)).toEqual([3, 2, 2, 1]);
  expect(history.filter((d) => d.current).map((d) => d.models[0]?.version)).toEqual([1]);
});

test("rollback from a split goes to what served alone; a named id is taken as it is", async () => {
  const first = await deploy(place, 1, folderOf(1));
  await deploy(place, 2, folderOf(2));
  const share = (weight: number) =>
    deployVersion({
      deployDir: place.deployDir,
      model: "m",
      reason: "canary",
      strategy: "canary",
      models: [
        { version: 2, folder: folderOf(2), weight: 100 - weight },
        { version: 3, folder: folderOf(3), weight, variant: "challenger" },
      ],
    });
  await share(5);
  await share(25);
  await rollback({ deployDir: place.deployDir, model: "m" });
  expect(await versions()).toEqual([2]);
  await rollback({ deployDir: place.deployDir, model: "m", to: first.id });
  expect(await versions()).toEqual([1]);
});

test("what does not add up is refused and nothing is left", async () => {
  const make = (models: Parameters<typeof deployVersion>[0]["models"]) =>
    deployVersion({ deployDir: place.deployDir, model: "m", reason: "test", models });
  await expect(make([{ version: 1, folder: "/x", weight: 90 }])).rejects.toThrow("sum to 90");
  await expect(
    make([
      { version: 1, folder: "/x", weight: -5 },
      { version: 2, folder: "/y", weight: 105 },
    ]),
  ).rejects.toThrow("sum");
  await expect(
    make([
      { version: 1, folder: "/x", weight: 50 },
      { version: 2, folder: "/y", weight: 50 },
    ]),
  ).rejects.toThrow("share a variant");
  await expect(rollback({ deployDir: place.deployDir, model: "m" })).rejects.toThrow("nothing is deployed");
  expect(await readdir(place.dir)).toEqual([]);
});

test("a crash at any stage leaves the one before current", async () => {
  await deploy(place, 1, folderOf(1));
  for (const stage of ["write", "sync", "rename"] as const)
    for (const where of ["deployment.yaml", "m/2", "current"]) {
      const restore = injectFaults((at, path) => {
        if (at === stage && path.includes(where)) throw new Error(`fault at ${stage} of ${where}`);
      });
      await deploy(place, 2, folderOf(2)).then(
        async () => void (await rollback({ deployDir: place.deployDir, model: "m" })),
        () => undefined,
      );
      restore();
      expect(await versions()).toEqual([1]);
      await deploymentHistory(place.deployDir, "m");
    }
});

test("a damaged manifest is refused by name", async () => {
  await mkdir(join(place.deployDir, "m", "x"), { recursive: true });
  await Bun.write(join(place.deployDir, "m", "x", "deployment.yaml"), "models: []");
  await expect(rollback({ deployDir: place.deployDir, model: "m", to: "x" })).rejects.toThrow("not a deployment");
  await expect(rollback({ deployDir: place.deployDir, model: "m", to: "y" })).rejects.toThrow("no deployment y");
});

test("a manifest that was edited or copied by hand is refused before it can be served", async () => {
  const { id } = await deploy(place, 1, folderOf(1));
  const path = join(place.deployDir, "m", id, "deployment.yaml");
  const text = await Bun.file(path).text();
  const changes: [from: string | RegExp, to: string, why: string][] = [
    ["weight: 100", "weight: 0", "the weights sum to 0, not to 100"],
    ["weight: 100", "weight: all", "not a deployment"],
    [/capture:[\s\S]*columns.*/, "capture: null", "not a deployment"],
    [/folder: .*/, "folder: 5", "not a deployment"],
    [/models:[\s\S]*(?=capture)/, "models: [null]\n", "not a deployment"],
    [/^id: .*/, "id: x", `the manifest is that of "x" of "m"`],
    ["model: m", "model: n", `the manifest is that of "${id}" of "n"`],
  ];
  for (const [from, to, why] of changes) {
    await Bun.write(path, text.replace(from, to));
    await expect(currentDeployment(place.deployDir, "m")).rejects.toThrow(why);
  }
});
