const WINDOW = 20;
const LEAST_REJECTED = 10;

/** Tells a wrong call from a wrong route: when most of the last calls are rejected, the route is at fault and should stop. */
export interface RejectionGuard {
  /** Counts one end; the reason to stop, once most of the window was rejected. `code` of a rejection, undefined for a good end. */
  count(code: string | undefined): string | undefined;
  /** A person has resumed the route: the window begins anew. */
  reset(): void;
}

export function createRejectionGuard(): RejectionGuard {
  let last: (string | undefined)[] = [];
  return {
    count(code) {
      last = [...last.slice(-(WINDOW - 1)), code];
      const rejected = last.filter((one) => one !== undefined);
      if (code === undefined || rejected.length < LEAST_REJECTED || rejected.length * 2 <= last.length) return undefined;
      return `${rejected.length} of the last ${last.length} calls were rejected, the last with ${code}`;
    },
    reset() {
      last = [];
    },
  };
}
