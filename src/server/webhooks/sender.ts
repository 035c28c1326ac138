/** Sends one event to one webhook: looks at where it goes, signs it, and tells what was answered. */

import type { Clock } from "../../base/clock.ts";
import { keepSecret } from "../../base/log.ts";
import type { Event } from "../../db/events.ts";
import type { WebhookRow } from "../../db/webhooks.ts";
import { payloadOf, signature } from "./payload.ts";
import { type Answer, checkedAddress, checkTarget, checkUrl, type Lookup, postTo } from "./target.ts";

export interface SenderOptions {
  clock: Clock;
  /** For secrets written as $NAME, and TRIMTAB_WEBHOOKS_PRIVATE=allow. */
  env: Readonly<Record<string, string | undefined>>;
  /** Names to addresses; the system's unless told. */
  look?: Lookup;
}

export function createSender({ clock, env, look }: SenderOptions) {
  const allowPrivate = env.TRIMTAB_WEBHOOKS_PRIVATE === "allow";

  /** The secret itself; "" when there is none. A variable that is not set is an error: an unsigned message may pass for a forged one. */
  function secretOf({ secret }: WebhookRow): string {
    const value = secret.startsWith("$") ? env[secret.slice(1)] : secret;
    if (value === undefined) throw new Error(`the secret's variable ${secret} is not set in the server's environment`);
    keepSecret(value);
    return value;
  }

  return {
    /** TARGET_REFUSED for a place that this server may not call. */
    check: (url: string): Promise<void> => checkTarget(url, allowPrivate, look),

    /** Resolves to the answer, whatever it is; rejects when there was none, with TARGET_REFUSED when nothing was sent. */
    async send(row: WebhookRow, deliveryId: string, event: Event, stopped: AbortSignal): Promise<Answer> {
      const url = checkUrl(row.url, allowPrivate);
      const address = await checkedAddress(url, allowPrivate, look);
      const payload = payloadOf(event);
      const seconds = String(Math.floor(clock.nowMs() / 1000));
      const secret = secretOf(row);
      const headers = {
        "Content-Type": "application/json",
        "User-Agent": "trimtab",
        "X-MLflow-Delivery-Id": deliveryId,
        "X-MLflow-Timestamp": seconds,
        ...(secret === "" ? {} : { "X-MLflow-Signature": signature(secret, deliveryId, seconds, payload) }),
      };
      return postTo(url, address, payload, headers, stopped);
    },
  };
}

export type Sender = ReturnType<typeof createSender>;

export const isDone = ({ status }: Answer): boolean => status >= 200 && status < 300;
