/** Callers that wait for their turn, in the order in which they came. */
export interface WaitingLine<Turn> {
  readonly length: number;
  /** Resolves with what `begin` makes of the turn, at the moment of the call; with `undefined`, out of line, when the signal is aborted first. */
  join(signal: AbortSignal, begin: (isProbe: boolean) => Turn): Promise<Turn | undefined>;
  callFirst(isProbe: boolean): void;
  callAll(isProbe: boolean): void;
}

export function createWaitingLine<Turn>(): WaitingLine<Turn> {
  let waiting: ((isProbe: boolean) => void)[] = [];
  return {
    get length() {
      return waiting.length;
    },
    join(signal, begin) {
      return new Promise((resolve) => {
        const call = (isProbe: boolean) => {
          signal.removeEventListener("abort", leave);
          resolve(begin(isProbe));
        };
        const leave = () => {
          waiting = waiting.filter((one) => one !== call);
          resolve(undefined);
        };
        signal.addEventListener("abort", leave, { once: true });
        waiting.push(call);
      });
    },
    callFirst(isProbe) {
      waiting.shift()?.(isProbe);
    },
    callAll(isProbe) {
      const all = waiting;
      waiting = [];
      for (const call of all) call(isProbe);
    },
  };
}
