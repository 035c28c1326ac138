import { expect, test } from "bun:test";
import fc from "fast-check";
import { fail, TrimtabErrors } from "../../src/base/errors.ts";
import { canonicalJson, hashValue } from "../../src/base/hash.ts";
import { keepNamedSecrets, keepSecret, keepVariables, redact } from "../../src/base/log.ts";
import { parseDurationMs, parseShare, parseSizeBytes, showBytes, showDuration } from "../../src/base/units.ts";

test("canonical JSON reads back as the value, and does not depend on the order of keys", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
  );
  expect(canonicalJson({ b: 1, a: [{ d: 1, c: 2 }] })).toBe('{"a":[{"c":2,"d":1}],"b":1}');
  expect(hashValue({ a: 1, b: 2 })).toBe(hashValue({ b: 2, a: 1 }));
});

test("canonical JSON refuses what JSON would change", () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, () => 0, 1n])
    expect(() => canonicalJson(value)).toThrow(TypeError);
});

test("durations, sizes and shares as people write them", () => {
  expect([parseDurationMs("90s"), parseDurationMs("1h30m"), parseDurationMs("500ms"), parseDurationMs("2w")]).toEqual([
    90_000, 5_400_000, 500, 1_209_600_000,
  ]);
  expect([parseSizeBytes("2Gi"), parseSizeBytes("500M"), parseSizeBytes("1024"), parseSizeBytes("1.5KiB")]).toEqual([
    2147483648, 500_000_000, 1024, 1536,
  ]);
  expect(parseShare("20%")).toBe(0.2);
  for (const bad of ["", "5", "m", "5 m", "-5m", "5x"]) expect(parseDurationMs(bad)).toBeUndefined();
  for (const bad of ["", "G", "-1", "5Q", "1 G"]) expect(parseSizeBytes(bad)).toBeUndefined();
  expect([showDuration(0.5), showDuration(340), showDuration(65_000)]).toEqual(["0.50 ms", "340 ms", "1m 5s"]);
  expect([showBytes(10), showBytes(1536)]).toEqual(["10 B", "1.5 KiB"]);
});

test("an error is one line with code, place and mend", () => {
  const error = fail("FILE_NOT_FOUND", { what: "the file does not exist\nat all", place: "data/x.csv" });
  expect(error.oneLine()).toBe(
    "error[FILE_NOT_FOUND] data/x.csv: the file does not exist at all. Mend: check the path; it is relative to the folder of pipeline.yaml.",
  );
  expect({ status: error.status, exit: error.exit }).toEqual({ status: 404, exit: 2 });
  expect(new TrimtabErrors([error, error]).message.split("\n")).toHaveLength(2);
});

test("secrets never appear: registered values, credentials in URLs, tokens in queries", () => {
  keepSecret("hunter2-very-secret");
  const text = redact("to https://bob:pw@host/x?token=abc&y=1 with hunter2-very-secret");
  expect(text).toBe("to https://***@host/x?token=***&y=1 with ***");
  expect(fail("ALERT_FAILED", { what: "sent hunter2-very-secret", place: "https://a:b@c" }).oneLine()).not.toMatch(
    /hunter2|a:b/,
  );
});

test("a secret is masked in every form that it takes", () => {
  keepSecret('say-"friend"-and/enter');
  keepSecret("-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----");
  const seen = [
    'say-"friend"-and/enter',
    JSON.stringify('say-"friend"-and/enter'),
    "x=say-%22friend%22-and%2Fenter",
    "MIIEvQIBADANBg",
    "Authorization: Bearer eyJhbGciOi.x-y_z",
  ];
  expect(seen.map(redact)).toEqual(["***", '"***"', "x=***", "***", "Authorization: Bearer ***"]);
});

test("variables whose names say that they are secret are, those of the system are not", () => {
  const env = {
    GITHUB_TOKEN: "ghp_0123456",
    DB_PASSWORD: "correct-horse",
    HOME: "/home/ann-lee",
    TOKENS_MAX: "1234567",
  };
  keepNamedSecrets(env);
  keepVariables(env, ["HOME"]);
  expect(Object.values(env).map(redact)).toEqual(["***", "***", "/home/ann-lee", "1234567"]);
});
