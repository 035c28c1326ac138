/**
 * Which variant answers a request to /predict. With a subject key the choice is a salted hash, so a subject always meets
 * the same variant and, because the later variants take their share from the low end, stays in when their weights grow.
 * Without one it is drawn at random for each request.
 */

/** `weights` in percent, the champion first; `key` undefined: random. Returns an index into weights. */
export function chooseVariant(weights: readonly number[], salt: string, key: string | undefined): number {
  const point =
    key === undefined ? (crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32) * 100 : bucketOf(salt, key);
  let edge = 0;
  for (let i = 1; i < weights.length; i++) {
    edge += weights[i]!;
    if (point < edge) return i;
  }
  return 0;
}

/** A point in [0, 100). Salted, so that the same subjects are not first in every rollout; 53 bits, so that short keys spread evenly. */
function bucketOf(salt: string, key: string): number {
  const hash = Bun.hash.xxHash64(`${salt}\0${key}`);
  return (Number(hash >> 11n) / 2 ** 53) * 100;
}
