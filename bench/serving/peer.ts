/** Starts a peer in the folder that holds model.pkl: Flask behind gunicorn, or FastAPI behind uvicorn, two workers each. */

import { join } from "node:path";

export interface Peer {
  port: number;
  pid: number;
  stop(): Promise<void>;
}

const COMMANDS = {
  flask: ["gunicorn", "peer:app", "--pythonpath", import.meta.dir, "-w", "2", "--log-level", "error", "-b"],
  fastapi: [
    "uvicorn",
    "peer_fastapi:app",
    "--app-dir",
    import.meta.dir,
    "--workers",
    "2",
    "--log-level",
    "error",
    "--port",
  ],
};

export async function startPeer(kind: keyof typeof COMMANDS, python: string, folder: string): Promise<Peer> {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  const address = kind === "flask" ? `127.0.0.1:${port}` : String(port);
  const child = Bun.spawn([python, "-m", ...COMMANDS[kind], address], {
    cwd: folder,
    env: { ...process.env, OMP_NUM_THREADS: "1", PYTHONPYCACHEPREFIX: join(folder, "pycache") },
    stdio: ["ignore", "inherit", "inherit"],
  });
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
