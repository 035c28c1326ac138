/** Every bound in one place: what Trimtab refuses, caps or sheds. Units last. */

export const LIMITS = {
  /** A larger pipeline.yaml is refused before it is parsed. */
  specBytes: 1 << 20,
  /** YAML aliases that one document may expand; guards against "billion laughs". */
  yamlAliases: 100,
  /** Values (keys not counted) of one YAML document after its aliases are expanded. */
  yamlValues: 100_000,
  /** Captured output kept of one step; the middle is dropped beyond it. */
  stepOutputBytes: 10 << 20,
  /** Largest body of a control-plane request that is not an artifact. */
  apiBodyBytes: 16 << 20,
  /** Largest body of a prediction request. */
  predictBodyBytes: 32 << 20,
  /** Rows waiting for one model in one serving process before requests are shed with 503. */
  queueRows: 20_000,
  /** Rows that one batch hands to a model. */
  batchRows: 4_096,
  /** How long a drain may take before what is left is cut. */
  drainMs: 15_000,
  /** DuckDB gets half of the machine, and never less than this. */
  duckMemoryMinBytes: 256 << 20,
  /** How long SQLite waits for another process's write. */
  dbBusyMs: 30_000,
} as const;
