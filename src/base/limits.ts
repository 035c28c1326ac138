/** Every bound in one place: what Trimtab refuses, caps or sheds. Units last. */

export const LIMITS = {
  /** A larger pipeline.yaml, features.yaml, file of params or DVC pointer is refused before it is parsed. */
  specBytes: 1 << 20,
  /** A larger suite of Great Expectations is refused before it is parsed. */
  suiteBytes: 16 << 20,
  /** YAML aliases that one document may expand; guards against "billion laughs". */
  yamlAliases: 100,
  /** Values (keys not counted) of one YAML document after its aliases are expanded. */
  yamlValues: 100_000,
  /** Steps of one pipeline; looking for cycles and double outputs takes time that grows with their square. */
  pipelineSteps: 2_000,
  /** Combinations of the values of one step's grid. */
  gridCombinations: 1_000,
  /** Captured output kept of one step; the middle is dropped beyond it. */
  stepOutputBytes: 10 << 20,
  /** Runs of one pipeline whose attempts and logs are kept; older ones go, whatever `retention` says. */
  pipelineRuns: 1_000,
  /** Time between TERM and KILL when a step is ended. */
  stepGraceMs: 5_000,
  /** Largest body of a control-plane request that is not an artifact. */
  apiBodyBytes: 16 << 20,
  /** Largest body of a prediction request. */
  predictBodyBytes: 32 << 20,
  /** Rows waiting for one model in one serving process before requests are shed with 503. */
  queueRows: 20_000,
  /** Rows that one batch hands to a model. */
  batchRows: 4_096,
  /** How long a model process may take for one batch before it is ended. */
  predictMs: 30_000,
  /** How long a model process may take to load its model, imports included. */
  modelLoadMs: 120_000,
  /** With less room than this on its disk, a workspace needs attention. */
  diskLowBytes: 64 << 20,
  /** Captured rows that may wait for a slow or full disk, per process; later ones are dropped and counted. */
  captureBytes: 64 << 20,
  /** A capture file is closed and a new one begun at this size. */
  captureFileBytes: 64 << 20,
  /** How long captured rows may wait in memory; what a kill -9 can lose. */
  captureFlushMs: 100,
  /** How long a starting serving process waits for its models before it listens without them. */
  listenAfterMs: 30_000,
  /** How often a serving process looks for a new deployment, besides being told by the file system. */
  deployPollMs: 100,
  /** A serving process that has not been heard for so long hangs, and is ended and started again. */
  silenceMs: 20_000,
  /** How long a model in JavaScript may hold up a process that measures it; there, batches are larger than in life. */
  modelBlockMs: 60_000,
  /** How long the replaced deployment stays loaded, so that going back needs no load. */
  keepWarmMs: 3_600_000,
  /** Serving processes of one supervisor: far more than helps, so that a typing error does not start thousands. */
  servingProcesses: 256,
  /** How long a drain may take before what is left is cut. */
  drainMs: 15_000,
  /** How long the control process may take to end: a step's grace and what is recorded after it, but less than a drain. */
  controlStopMs: 12_000,
  /** DuckDB gets half of the machine, and never less than this. */
  duckMemoryMinBytes: 256 << 20,
  /** How long a write waits for another process's write. */
  dbBusyMs: 30_000,
  /** The same once this process was told to end. */
  dbHurryMs: 2_000,
  /** How long PostgreSQL lets a write that has the lock do nothing: its process was stopped or its host is gone. */
  dbIdleMs: 10_000,
  /** How long connecting to PostgreSQL may take. */
  dbConnectMs: 10_000,
  /** PostgreSQL is asked whether it lives when an answer takes longer, and a connection that idles longer is closed. */
  dbSilenceMs: 30_000,
  /** PostgreSQL connections that one process reads with; it writes with one more. */
  dbConnections: 8,
  /** Largest JSON body of an MLflow call: a dataset's profile alone may have 16 MB. */
  mlflowBodyBytes: 64 << 20,
  /** How deep values may be nested in the attributes of a span. */
  spanDepth: 32,
  /** Largest file that MLflow's web pages upload. */
  pageUploadBytes: 10 << 20,
  // tracking and registry: MLflow's limits, in letters
  /** Names of metrics, params and tags. */
  keyChars: 250,
  /** A longer param or run tag is cut, as MLflow does; the others below are refused. */
  paramChars: 6000,
  runTagChars: 8000,
  /** A longer name of a run is cut: a database's index must hold it whole. MLflow's own column has 250. */
  runNameChars: 500,
  traceTagChars: 8000,
  /** What a trace shows of its request and its answer. */
  tracePreviewChars: 1000,
  experimentTagChars: 20_000,
  experimentNameChars: 500,
  locationChars: 2048,
  registryTagChars: 100_000,
  modelNameChars: 500,
  aliasChars: 255,
  datasetNameChars: 500,
  datasetDigestChars: 36,
  datasetSourceChars: 65_535,
  datasetSchemaChars: 1_048_575,
  datasetProfileChars: 16_777_215,
  inputTagKeyChars: 255,
  inputTagValueChars: 500,
  /** What one log-batch may hold, each kind and in all. */
  batchMetrics: 1000,
  batchParams: 100,
  batchTags: 100,
  batchEntities: 1000,
  /** Rows on one page of a search. */
  searchRuns: 50_000,
  /** Points of a metric's history on one page. */
  historyPoints: 50_000,
  searchTraces: 500,
  /** A regular expression of a filter, and the steps it is made into: what a test of one letter may cost. */
  patternChars: 1000,
  patternSteps: 2000,
  /** Traces that one call deletes unless it says how many. */
  deleteTraces: 100_000,
  searchModels: 1000,
  searchDatasetExperiments: 20,
  searchVersions: 200_000,
} as const;
