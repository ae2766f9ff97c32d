import type { Connector, OpenDestination } from "../connector/index.ts";

type Open = OpenDestination<Record<string, unknown>>;

/** Where a delivery is at its connector. */
export type SendStep = "opened" | "sending" | "sent";

/** Sees when the connector's own `send` begins and ends: the pipeline stops waiting at the time limit, whatever the connector does. */
export interface SendSpy {
  /** When the last `send` began, on the clock of `performance.now()`. */
  lastBeganAtMs(): number;
  /** How many `send`s are still in progress `graceMs` after their time limit. Waits for them no longer than that. */
  overdue(options: { timeoutMs: number; graceMs: number }): Promise<number>;
  /** How many `send`s so far had an outcome that names a rate limit. */
  rateLimitedSends(): number;
}

export interface SpyOptions {
  timeoutMs: number;
  onStep?: ((step: SendStep) => Promise<void>) | undefined;
  onReopen?: (() => void) | undefined;
  /** Wraps each of the connector's own operations. */
  during<T>(work: () => Promise<T>): Promise<T>;
}

/** The same connector, with a spy on what is sent. */
export function spyOnSends(connector: Connector, options: SpyOptions): { connector: Connector; spy: SendSpy } {
  const { timeoutMs, onStep = async () => undefined, onReopen = () => undefined, during } = options;
  const inProgress = new Map<Promise<unknown>, number>();
  let rateLimited = 0;
  let lastBeganAtMs = 0;
  let opened = 0;

  /** What hangs is work only until its time limit. */
  const untilItsLimit = <T>(work: () => Promise<T>): Promise<T> => {
    const done = work();
    void during(() => Promise.race([done, endOf(timeoutMs, done)]).catch(() => undefined));
    return done;
  };

  async function send(open: Open, ...[deliveries, how]: Parameters<Open["send"]>) {
    await onStep("sending");
    lastBeganAtMs = performance.now();
    const sending = open.send(deliveries, how);
    inProgress.set(sending, lastBeganAtMs);
    try {
      const outcomes = await sending;
      if (outcomes.some((outcome) => outcome?.kind === "retry" && outcome.because === "rate-limit")) rateLimited += 1;
      await onStep("sent");
      return outcomes;
    } finally {
      inProgress.delete(sending);
    }
  }

  const spied = (open: Open): Open => ({
    send: (deliveries, how) => untilItsLimit(() => send(open, deliveries, how)),
    ...(open.find && { find: (delivery, how) => untilItsLimit(() => (open.find as NonNullable<Open["find"]>)(delivery, how)) }),
    close: () => open.close(),
  });

  return {
    connector: {
      ...connector,
      open: (how) =>
        during(async () => {
          opened += 1;
          if (opened > 1) onReopen();
          const open = spied(await connector.open(how));
          await onStep("opened");
          return open;
        }),
    },
    spy: {
      lastBeganAtMs: () => lastBeganAtMs,
      rateLimitedSends: () => rateLimited,
      async overdue({ timeoutMs: limitMs, graceMs }) {
        const waits = [...inProgress].map(async ([sending, startedAtMs]) => {
          const leftMs = startedAtMs + limitMs + graceMs - performance.now();
          const ended = sending.then(
            () => false,
            () => false,
          );
          return Promise.race([ended, endOf(leftMs, ended).then(() => true)]);
        });
        return (await Promise.all(waits)).filter(Boolean).length;
      },
    },
  };
}

/** Resolves after `ms`; its timer ends with `work`, if that is earlier. */
function endOf(ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, ms));
    void work.catch(() => undefined).then(() => clearTimeout(timer));
  });
}
