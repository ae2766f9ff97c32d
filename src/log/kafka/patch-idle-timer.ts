/**
 * kafkajs 2.2.4 arms a timer after every response even when nothing waits, with a negative time once no throttling is on:
 * about 2,700 wake-ups a second in an idle process, and `TimeoutNegativeWarning` on Node 24 and newer
 * (tulios/kafkajs issues 1556, 1604, 1704, 1751; a regression of pull request 1532).
 */
import { patch, RequestQueue } from "./internals.ts";

const CHECK_AGAIN_MS = 10;

patch<RequestQueue>({
  name: "RequestQueue",
  prototype: RequestQueue.prototype,
  methods: () => ({
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
  }),
});
