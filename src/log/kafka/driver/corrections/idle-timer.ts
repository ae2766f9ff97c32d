import type { Correction } from "./correction.ts";
import { replaceMethods } from "./correction.ts";

/** `kafkajs/src/network/requestQueue` */
export interface RequestQueue {
  readonly pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

const CHECK_AGAIN_MS = 10;

/**
 * kafkajs 2.2.4 arms a timer after every response even when no request waits, with a negative time when no throttling is on: about 2,700
 * wake-ups a second in an idle process, and `TimeoutNegativeWarning` on Node 24 and newer (tulios/kafkajs issues 1556, 1604, 1704, 1751; a
 * regression of pull request 1532).
 */
export const idleTimer: Correction = {
  name: "idle timer",
  change(kafkajs) {
    const { prototype } = kafkajs.load<{ prototype: RequestQueue }>("src/network/requestQueue");
    replaceMethods(prototype, () => ({
      scheduleCheckPendingRequests(this: RequestQueue) {
        if (this.pending.length === 0 || this.throttleCheckTimeoutId) return;
        const throttledForMs = this.throttledUntil - Date.now();
        this.throttleCheckTimeoutId = setTimeout(
          () => {
            this.throttleCheckTimeoutId = null;
            this.checkPendingRequests();
          },
          throttledForMs > 0 ? throttledForMs : CHECK_AGAIN_MS,
        );
      },
    }));
  },
};
