const WINDOW = 20;
const LEAST_REJECTED = 10;

/** Tells a wrong call from a wrong route: where most of the last calls are rejected, the route is at fault and must pause. */
export interface RejectionGuard {
  /** Counts one end: `code` of a rejection, `undefined` of a delivery. The reason to pause, once most of the window was rejected. */
  count(code: string | undefined): string | undefined;
  /** A person has resumed the route: the window starts empty. */
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
