import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { TrimtabError } from "../../src/base/errors.ts";
import { hashText } from "../../src/base/hash.ts";
import { openDuck } from "../../src/data/duckdb.ts";
import { openScan } from "../../src/data/scan.ts";
import { hashSource, resolveSource } from "../../src/data/source.ts";
import { openStatCache } from "../../src/store/stat-cache.ts";
import { tempFolder } from "../temp.ts";

const duck = await openDuck({ threads: 2 });
const stats = openStatCache();
afterAll(() => {
  duck.close();
  stats.close();
});

const md5 = (text: string) => hashText("md5", text);
function files(tree: Record<string, string | Uint8Array>): string {
  const root = tempFolder();
  for (const [name, data] of Object.entries(tree)) {
    mkdirSync(join(root, name, ".."), { recursive: true });
    writeFileSync(join(root, name), data);
  }
  return root;
}
async function read(root: string, uri: string): Promise<Record<string, unknown>[]> {
  const { sql } = await openScan(duck, await resolveSource(uri, root));
  return duck.rows(sql);
}
const refusal = async (tree: Record<string, string | Uint8Array>, uri: string) => {
  const root = files(tree);
  try {
    await read(root, uri);
  } catch (error) {
    const line = (error as TrimtabError).oneLine().replaceAll(root, "");
    expect(line).not.toContain("\n");
    return line;
  }
  throw new Error("nothing was refused");
};

test("a file, a folder, a glob and a pointer give the same rows", async () => {
  const root = files({
    "d/1.csv": "a,b\n1,x\n",
    "d/2.csv": "a,b\n2,y\n",
    "d/_SUCCESS": "",
    "d/notes.md": "no data",
    "d.dvc": "outs:\n- md5: 0\n",
    "one.csv": "a,b\n1,x\n2,y\n",
    "j.jsonl": '{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n',
    "z.csv.gz": gzipSync("a,b\n1,x\n2,y\n"),
    "t.tsv": "a\tb\n1\tx\n2\ty\n",
    "s.csv": "a;b\n1;x\n2;y\n",
  });
  const { digest } = await hashSource(await resolveSource("d", root), stats);
  writeFileSync(join(root, "d.dvc"), `outs:\n- md5: ${digest}\n  hash: md5\n  path: d\n`);
  await duck.run(`COPY (SELECT * FROM read_csv('${root}/one.csv')) TO '${root}/p.parquet'`);
  for (const uri of ["one.csv", "d", "d/*.csv", "d.dvc", "j.jsonl", "z.csv.gz", "t.tsv", "s.csv", "p.parquet"])
    expect(await read(root, uri)).toEqual([
      { a: 1, b: "x" },
      { a: 2, b: "y" },
    ]);
});

test("folders called key=value are columns below the source, and only names above it", async () => {
  const root = files({
    "run=5/one.csv": "a\n1\n",
    "run=5/d/year=2020/1.csv": "a\n1\n",
    "run=5/d/year=2021/1.csv": "a\n2\n",
  });
  const inside = join(root, "run=5");
  for (const part of ["one", "d/year=2020/1", "d/year=2021/1"])
    await duck.run(
      `COPY (SELECT * FROM read_csv('${inside}/${part}.csv', hive_partitioning = false)) TO '${inside}/${part}.parquet'`,
    );
  const rows = [
    { a: 1, year: 2020 },
    { a: 2, year: 2021 },
  ];
  for (const end of ["csv", "parquet"]) {
    expect(await read(inside, `one.${end}`)).toEqual([{ a: 1 }]);
    expect(await read(inside, `d/*/*.${end}`)).toEqual(rows);
  }
  for (const part of ["d/year=2020/1", "d/year=2021/1"]) rmSync(join(inside, `${part}.csv`));
  expect(await read(inside, "d")).toEqual(rows);
});

test("a source is named by its content", async () => {
  const root = files({ "one.csv": "a\n1\n", "d/1.csv": "a\n1\n", "d/2.csv": "a\n2\n" });
  expect(await hashSource(await resolveSource("one.csv", root), stats)).toEqual({
    digest: md5("a\n1\n"),
    sizeBytes: 4,
  });
  const folder = await hashSource(await resolveSource("d", root), stats);
  expect(folder).toEqual({ digest: (await stats.hashPath(join(root, "d"))).digest, sizeBytes: 8 });
  const glob = await hashSource(await resolveSource("d/*.csv", root), stats);
  expect(glob.digest).toEndWith(".dir");
  expect((await hashSource(await resolveSource("d/*", root), stats)).digest).toBe(glob.digest);
});

test("data that is not what its pointer says is refused", async () => {
  const root = files({
    "one.csv": "a\n1\n",
    "one.csv.dvc": `outs:\n- md5: ${md5("other")}\n  hash: md5\n  path: one.csv\n`,
  });
  await expect(hashSource(await resolveSource("one.csv.dvc", root), stats)).rejects.toMatchObject({
    code: "DATA_DIFFERS",
    place: join(root, "one.csv.dvc"),
  });
});

test("types fit every row, not a sample", async () => {
  const rows = `${"1,2\n".repeat(60_000)}x,2.5\n`;
  const root = files({ "a.csv": `a,b\n${rows}` });
  const { columns } = await openScan(duck, await resolveSource("a.csv", root));
  expect(columns).toEqual([
    { name: "a", type: "VARCHAR" },
    { name: "b", type: "DOUBLE" },
  ]);
});

test("files with other types are widened, never rounded", async () => {
  const root = tempFolder();
  mkdirSync(join(root, "p"));
  await duck.run(`COPY (SELECT 1 AS a) TO '${root}/p/1.parquet'`);
  await duck.run(`COPY (SELECT 1.5::DOUBLE AS a) TO '${root}/p/2.parquet'`);
  expect(await read(root, "p")).toEqual([{ a: 1 }, { a: 1.5 }]);
});

test("what CSV writes is not taken for something else", async () => {
  const long = `1${"0".repeat(40)}`;
  const root = files({
    "a.csv": `yes,t,bool,id,long,f\nyes,T,TRUE,18446744073709551616,${long},1e300\nno,F,false,18446744073709551617,,1.5\n,,,,,\n`,
    "d/1.csv": "x\ntrue\n",
    "d/2.csv": "x\nyes\n",
  });
  expect(await read(root, "a.csv")).toEqual([
    { yes: "yes", t: "T", bool: true, id: "18446744073709551616", long, f: 1e300 },
    { yes: "no", t: "F", bool: false, id: "18446744073709551617", long: null, f: 1.5 },
    { yes: null, t: null, bool: null, id: null, long: null, f: null },
  ]);
  expect(await read(root, "d")).toEqual([{ x: "true" }, { x: "yes" }]);
});

test("bad CSV is refused with file and line", async () => {
  const many = "1,2\n".repeat(40_000);
  const cases: [string | Uint8Array, string][] = [
    ["a,b\n1,2\n3,4\n5\n6,7\n", "/x.csv:4: the row has 1 values, the header 2"],
    [`a,b\n${many}3,4,5\n6,7\n`, "/x.csv:40002: the row has 3 values, the header 2"],
    [
      Buffer.concat([Buffer.from("a,b\n1,2\n"), Buffer.from([0xe9, 0xff, 0x2c, 0x33, 10])]),
      "/x.csv:3: the text is not UTF-8",
    ],
    [Buffer.from("\ufeffa,b\n1,2\n", "utf16le"), "/x.csv:1: the text is UTF-16"],
    [new Uint8Array(5000).map((_, i) => (i * 7919) % 256), "/x.csv:1: the file is binary, not text"],
    ['a,b\n1,"2\n3,4\n', "/x.csv:2: Value with unterminated quote found"],
    ["1,2\n3,4\n", "/x.csv:1: the first row is all numbers, so there is no header"],
    ["a,b,a\n1,2,3\n", '/x.csv:1: column "a" appears twice'],
    ["A,b,a\n1,2,3\n", "/x.csv:1: columns A and a differ only in the case of letters"],
    ["a,,b\n1,2,3\n", "/x.csv:1: column 2 has no name"],
    ["a,b\n1,2\r\n3,4\n", "/x.csv: the rows cannot be told apart, as when some end with CR LF"],
    ["", "/x.csv: the file is empty"],
    ["\n\n", "/x.csv:1: there is no header row"],
  ];
  for (const [data, expected] of cases)
    expect(await refusal({ "x.csv": data }, "x.csv")).toStartWith(`error[DATA_UNREADABLE] ${expected}`);
  expect(await refusal({ "x.csv.gz": "a,b\n1,2\n" }, "x.csv.gz")).toContain("/x.csv.gz: the file is not gzip");
});

test("a gzip file that was cut is refused wherever the cut is, also where rows end well", async () => {
  const rows = Array.from({ length: 3000 }, (_, i) => `${i},${(i * 7919) % 1000}`).join("\n");
  const packed = {
    "x.csv.gz": gzipSync(`a,b\n${rows}\n`),
    "x.jsonl.gz": gzipSync(rows.replace(/^.*$/gm, '{"a":"$&"}')),
  };
  for (const [name, bytes] of Object.entries(packed)) {
    expect((await read(files({ [name]: bytes }), name)).length).toBe(3000);
    for (let cut = 1; cut < bytes.length; cut += cut < 12 ? 1 : 257)
      expect([cut, await refusal({ [name]: bytes.subarray(0, bytes.length - cut) }, name)]).toEqual([
        cut,
        expect.stringContaining(`/${name}: the gzip file has no end: it was cut`),
      ]);
    const changed = Uint8Array.from(bytes);
    changed[bytes.length - 6]! ^= 1;
    expect(await refusal({ [name]: changed }, name)).toContain("the gzip file is damaged");
  }
  // Members one after the other are one file, as gzip has it.
  const two = Buffer.concat([gzipSync("a,b\n1,2\n"), gzipSync("3,4\n")]);
  expect(await read(files({ "x.csv.gz": two }), "x.csv.gz")).toEqual([
    { a: 1, b: 2 },
    { a: 3, b: 4 },
  ]);
});

test("Parquet whose columns share a name is refused, not renamed", async () => {
  // pyarrow writes such files; DuckDB does not, so a byte of one that it wrote is changed.
  const root = files({});
  const path = join(root, "p.parquet");
  await duck.run(`COPY (SELECT 1 AS qqa, 2 AS qqb) TO '${path}' (FORMAT parquet)`);
  const bytes = Buffer.from(await Bun.file(path).arrayBuffer());
  for (let at = bytes.indexOf("qqb"); at >= 0; at = bytes.indexOf("qqb")) bytes.write("QQA", at, "latin1");
  writeFileSync(path, bytes);
  await expect(read(root, "p.parquet")).rejects.toMatchObject({
    code: "DATA_UNREADABLE",
    message: expect.stringContaining("two columns share a name or differ only in the case of letters"),
  });
});

test("keys of JSON that differ only in case are refused, keys that look as if they did are not", async () => {
  const said = "two columns share a name or differ only in the case of letters: the second would be read as a_1";
  expect(await refusal({ "x.jsonl": '{"A":1,"a":2}\n' }, "x.jsonl")).toContain(said);
  expect(await refusal({ "x.json": '[{"A":1},{"a":2}]' }, "x.json")).toContain(said);
  expect(await read(files({ "x.jsonl": '{"A":1,"a_1":2}\n' }), "x.jsonl")).toEqual([{ A: 1, a_1: 2 }]);
});

test("a CSV with a header and no rows is empty data, not an error", async () => {
  const root = files({ "x.csv": "a,b\n" });
  expect(await read(root, "x.csv")).toEqual([]);
});

test("files of one source must have the same columns", async () => {
  expect(await refusal({ "d/1.csv": "a,b\n1,2\n", "d/2.csv": "a,c\n1,2\n" }, "d")).toContain(
    "/d/2.csv: column b is not here",
  );
  const root = tempFolder();
  mkdirSync(join(root, "p"));
  await duck.run(`COPY (SELECT 1 AS a) TO '${root}/p/1.parquet'`);
  await duck.run(`COPY (SELECT 1 AS a, 2 AS b) TO '${root}/p/2.parquet'`);
  await expect(read(root, "p")).rejects.toMatchObject({ code: "DATA_UNREADABLE", message: "column b is new here" });
});

test("damaged Parquet and JSON are refused with the file", async () => {
  expect(await refusal({ "x.parquet": "PAR1 not at all" }, "x.parquet")).toStartWith(
    "error[DATA_UNREADABLE] /x.parquet: ",
  );
  expect(await refusal({ "x.jsonl": '{"a":1}\n{"a":\n' }, "x.jsonl")).toStartWith(
    "error[DATA_UNREADABLE] /x.jsonl:2: ",
  );
  for (const cut of ['[{"a":1},', '[{"a":1},{"a":2},\n'])
    expect(await refusal({ "x.json": cut }, "x.json")).toStartWith("error[DATA_UNREADABLE] /x.json: ");
  expect(await refusal({ "x.json": "[1,2]" }, "x.json")).toContain("/x.json: the JSON is not a list of objects");
  const root = tempFolder();
  await duck.run(`COPY (SELECT range AS a, hash(range) AS b FROM range(100000)) TO '${root}/x.parquet'`);
  const whole = await Bun.file(join(root, "x.parquet")).bytes();
  writeFileSync(join(root, "cut.parquet"), whole.subarray(0, whole.length / 2));
  await expect(read(root, "cut.parquet")).rejects.toMatchObject({
    code: "DATA_UNREADABLE",
    place: join(root, "cut.parquet"),
  });
  writeFileSync(join(root, "torn.parquet"), whole.fill(7, 1000, 60_000));
  await expect(read(root, "torn.parquet")).rejects.toMatchObject({ code: "DATA_UNREADABLE" });
});

test("what is missing, unreadable or of no known kind is named", async () => {
  const root = files({
    "a.txt": "x",
    "d/readme.md": "x",
    "e/1.csv": "a\n1\n",
    "e/1.json": "[]",
    "sealed.csv": "a\n1\n",
    "p.dvc": "outs: []\n",
    "q.dvc": `outs:\n- md5: ${md5("")}\n  path: gone.csv\n`,
  });
  const cases: [string, string][] = [
    ["none.csv", "FILE_NOT_FOUND"],
    ["none/*.csv", "FILE_NOT_FOUND"],
    ["a.txt", "DATA_UNREADABLE"],
    ["d", "DATA_UNREADABLE"],
    ["e", "DATA_UNREADABLE"],
    ["p.dvc", "DATA_UNREADABLE"],
    ["q.dvc", "FILE_NOT_FOUND"],
    ["none.dvc", "FILE_NOT_FOUND"],
    ["s3://bucket/x.parquet", "NOT_AVAILABLE"],
  ];
  for (const [uri, code] of cases) await expect(resolveSource(uri, root)).rejects.toMatchObject({ code });
  chmodSync(join(root, "sealed.csv"), 0);
  if (process.getuid?.() !== 0)
    await expect(resolveSource("sealed.csv", root)).rejects.toMatchObject({ code: "FILE_NOT_READABLE" });
});

test("names with quotes, spaces and brackets are names", async () => {
  const root = files({ 'it\'s [1] "x".csv': 'a\'b,"c,d"\n1,2\n' });
  expect(await read(root, 'it\'s [1] "x".csv')).toEqual([{ "a'b": 1, "c,d": 2 }]);
});
