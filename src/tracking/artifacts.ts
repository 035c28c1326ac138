/** Where the proxied artifact URIs that runs and models carry point in the artifact store. */

const PROXIED = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.*)$/;
const SERVED = /^https?:\/\/[^/]+(?:\/.*)?\/api\/2\.0\/mlflow-artifacts\/artifacts\/(.*)$/;

/** "mlflow-artifacts:/0/run/artifacts" → "0/run/artifacts"; undefined for a place that this server does not keep. */
export function storePathOf(uri: string): string | undefined {
  const found = PROXIED.exec(uri) ?? SERVED.exec(uri);
  return found ? found[1]!.replace(/\/+$/, "") : undefined;
}
