/**
 * What is wrong with one pipeline.yaml, gathered so that all of it is told at once. Each complaint names file, line, path,
 * value and mend; one that stands on an override names the variable instead of file and line.
 */

import { type ErrorCode, fail, type TrimtabError, TrimtabErrors } from "../base/errors.ts";
import { isWithin, type Path, pathKey, showPath } from "./path.ts";

export interface Complaint {
  path: Path;
  what: string;
  mend: string;
  code?: ErrorCode;
}

export class Complaints {
  private readonly found: { line: number; path: Path; error: TrimtabError }[] = [];
  /** Paths whose value came from an override → the override's name. */
  readonly origins = new Map<string, string>();
  /** Steps that came of a matrix → the step that is written in the file. */
  readonly writtenAs = new Map<string, string>();

  constructor(
    readonly file: string,
    private readonly lineInFile: (path: Path) => number,
  ) {}

  /** Line (from 1) of the value at a path, or of the nearest thing above it. */
  lineOf(path: Path): number {
    return this.lineInFile(this.inFile(path));
  }

  add({ path, what, mend, code = "SPEC_INVALID" }: Complaint): void {
    const origin = this.originOf(path);
    const line = this.lineOf(path);
    const place = `${origin ?? `${this.file}:${line}`} ${showPath(this.inFile(path))}`;
    this.found.push({ line: origin === undefined ? line : 0, path, error: fail(code, { what, place, mend }) });
  }

  /** A complaint about an override itself: its place is the override's name. */
  addOverride(name: string, what: string, mend: string): void {
    this.found.push({ line: 0, path: [name], error: fail("SPEC_INVALID", { what, place: name, mend }) });
  }

  /** Something at, above or below the path is already complained about: what follows from it is not told again. */
  touches(path: Path): boolean {
    return this.found.some((c) => isWithin(c.path, path) || isWithin(path, c.path));
  }

  /** True when a complaint stands at a path that the test accepts. */
  some(test: (path: Path) => boolean): boolean {
    return this.found.some((c) => test(c.path));
  }

  /** Throws everything found, in the order of the file; returns when there is nothing. */
  throwIfAny(): void {
    if (this.found.length === 0) return;
    const sorted = this.found.toSorted((a, b) => a.line - b.line);
    // What is wrong in a matrix is wrong in every step that comes of it.
    const told = new Map(sorted.map((c) => [c.error.oneLine(), c.error]));
    throw new TrimtabErrors([...told.values()]);
  }

  private inFile(path: Path): Path {
    const written = path[0] === "steps" ? this.writtenAs.get(String(path[1])) : undefined;
    return written === undefined ? path : ["steps", written, ...path.slice(2)];
  }

  private originOf(given: Path): string | undefined {
    const path = this.inFile(given);
    for (let length = path.length; length > 0; length--) {
      const origin = this.origins.get(pathKey(path.slice(0, length)));
      if (origin !== undefined) return origin;
    }
    return undefined;
  }
}
