/** Work on several things at once: each waits for the disk or the other server most of its time, and writes share a commit. */

const AT_ONCE = 16;

/** After the first failure nothing more is begun; rejects with it when all that was begun has ended. */
export async function atOnce<T>(things: AsyncIterable<T>, work: (thing: T) => Promise<void>): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  try {
    for await (const thing of things) {
      const one: Promise<void> = work(thing)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(one));
      running.add(one);
      if (running.size >= AT_ONCE) await Promise.race(running);
      if (failures.length > 0) break;
    }
  } finally {
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
}
