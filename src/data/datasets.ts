/**
 * Dataset versions: what a data source held, named by content. Content seen before is the version it was then, whatever the
 * file is called or when it was written; only new content is read, counted and recorded.
 */

import type { Clock } from "../base/clock.ts";
import { type DatasetVersion, findDataset, insertDataset } from "../db/datasets.ts";
import type { Db } from "../db/db.ts";
import { appendEvent } from "../db/events.ts";
import type { StatCache } from "../store/stat-cache.ts";
import type { Duck } from "./duckdb.ts";
import { openScan } from "./scan.ts";
import { hashSource, resolveSource } from "./source.ts";

export interface DatasetPorts {
  db: Db;
  stats: StatCache;
  clock: Clock;
  /** Called only when the content is new. */
  duck: () => Promise<Duck>;
}

/**
 * Resolves the source called `name`, hashes it, and records a version when its content is new. `actor` is who made this happen.
 * Errors as `resolveSource`, `hashSource` and `openScan`.
 */
export async function recordDataset(
  ports: DatasetPorts,
  source: { name: string; uri: string; root: string; actor: string },
): Promise<DatasetVersion> {
  const found = await resolveSource(source.uri, source.root);
  const { digest, sizeBytes } = await hashSource(found, ports.stats);
  const known = await findDataset(ports.db, source.name, digest);
  if (known) return known;
  const duck = await ports.duck();
  const scan = await openScan(duck, found);
  const [count] = await duck.rows<{ rows: number }>(`SELECT count(*) AS rows FROM (${scan.sql})`);
  const dataset = {
    name: source.name,
    hash: digest,
    uri: source.uri,
    format: found.format,
    files: found.files.length,
    rows: count!.rows,
    sizeBytes,
    columns: scan.columns,
  };
  return ports.db.write(async (sql) => {
    // Another process may have recorded it meanwhile.
    const other = await findDataset(sql, source.name, digest);
    if (other) return other;
    const nowMs = ports.clock.nowMs();
    const version = await insertDataset(sql, dataset, nowMs);
    await appendEvent(
      sql,
      {
        kind: "dataset.recorded",
        subject: `dataset/${version.name}/${version.version}`,
        actor: source.actor,
        reason: `${version.rows} rows with content not seen before`,
        data: { hash: digest, rows: version.rows, sizeBytes },
      },
      nowMs,
    );
    return version;
  });
}
