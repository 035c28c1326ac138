/** Starts the peer: Flask behind gunicorn with two workers, in the folder that holds model.pkl. */

import { join } from "node:path";

export interface Peer {
  port: number;
  pid: number;
  stop(): Promise<void>;
}

export async function startPeer(python: string, folder: string): Promise<Peer> {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  const child = Bun.spawn(
    [
      python,
      "-m",
      "gunicorn",
      "peer:app",
      "--pythonpath",
      import.meta.dir,
      "-w",
      "2",
      "-b",
      `127.0.0.1:${port}`,
      "--log-level",
      "error",
    ],
    {
      cwd: folder,
      env: { ...process.env, OMP_NUM_THREADS: "1", PYTHONPYCACHEPREFIX: join(folder, "pycache") },
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  const body = JSON.stringify({ features: new Array(10).fill(0) });
  const ask = () =>
    fetch(`http://127.0.0.1:${port}/predict`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
  while (
    !(await ask().then(
      (response) => response.ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error("the peer ended");
    await Bun.sleep(100);
  }
  return {
    port,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}
