import type { Connector, OpenDestination } from "../connector/index.ts";

type Open = OpenDestination<Record<string, unknown>>;

/** Sees when the connector's own `send` begins and ends: the sender stops waiting at the time limit, whatever the connector does. */
export interface SendSpy {
  /** `send`s that are under way still, after their time limit and `graceMs` more. Waits for them no longer than that. */
  overdue(options: { timeoutMs: number; graceMs: number }): Promise<number>;
  /** `send`s so far of which an outcome says that the rate was too high. */
  toldOfRate(): number;
}

/** The same connector, watched. */
export function spyOnSends(
  connector: Connector,
  options: { onStep(step: "opened" | "sending" | "sent"): Promise<void> },
): { connector: Connector; watch: SendSpy } {
  const { onStep } = options;
  const underWay = new Map<Promise<unknown>, number>();
  let told = 0;

  function watchedOpen(open: Open): Open {
    return {
      async send(deliveries, how) {
        await onStep("sending");
        const startedAtMs = performance.now();
        const sending = open.send(deliveries, how);
        underWay.set(sending, startedAtMs);
        try {
          const outcomes = await sending;
          if (outcomes.some((outcome) => outcome?.kind === "retry" && outcome.because === "rate-limit")) told += 1;
          await onStep("sent");
          return outcomes;
        } finally {
          underWay.delete(sending);
        }
      },
      ...(open.find && { find: (delivery, how) => (open.find as NonNullable<Open["find"]>)(delivery, how) }),
      close: () => open.close(),
    };
  }

  return {
    connector: {
      ...connector,
      async open(how) {
        const open = watchedOpen(await connector.open(how));
        await onStep("opened");
        return open;
      },
    },
    watch: {
      toldOfRate: () => told,
      async overdue({ timeoutMs, graceMs }) {
        const waits = [...underWay].map(async ([sending, startedAtMs]) => {
          const leftMs = startedAtMs + timeoutMs + graceMs - performance.now();
          const over = new AbortController();
          const limit = AbortSignal.any([AbortSignal.timeout(Math.max(0, leftMs)), over.signal]);
          const isOver = new Promise<true>((resolve) => limit.addEventListener("abort", () => resolve(true), { once: true }));
          const ended = sending.then(
            () => false,
            () => false,
          );
          const isOverdue = await Promise.race([ended, isOver]);
          over.abort();
          return isOverdue;
        });
        return (await Promise.all(waits)).filter(Boolean).length;
      },
    },
  };
}
