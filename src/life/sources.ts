/** Data sources as DuckDB reads them: what a name or path in a pipeline means. */

import type { Duck } from "../data/duckdb.ts";
import { openScan, type Scan } from "../data/scan.ts";
import { resolveSource } from "../data/source.ts";
import type { Pipeline } from "../spec/types.ts";

/** A subject is a data source's name or a path that a step writes. */
const subjectUri = (pipeline: Pipeline, subject: string): string => pipeline.data[subject]?.uri ?? subject;

/** Opens what a step's subject names. */
export const openSubject = async (duck: Duck, pipeline: Pipeline, subject: string): Promise<Scan> =>
  openScan(duck, await resolveSource(subjectUri(pipeline, subject), pipeline.root));
