import { Counter, Histogram, Registry } from "prom-client";
import type { AttemptEvent } from "../delivery/pipeline/events.ts";

/** Figures of attempts at deliveries. Labels are ids from routes.yaml and kinds of outcomes, nothing of a call. */
export function createAttemptMetrics(): { registry: Registry; count(event: AttemptEvent): void } {
  const registry = new Registry();
  const registers = [registry];
  const attempts = new Counter({
    name: "patchbay_delivery_attempts_total",
    help: "Attempts at deliveries by their outcome, tries in place included",
    labelNames: ["route", "connector", "outcome"],
    registers,
  });
  const seconds = new Histogram({
    name: "patchbay_delivery_attempt_seconds",
    help: "From the start of a request to its answer; each delivery of a batch counts with the time of the whole request",
    labelNames: ["route", "connector"],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
    registers,
  });
  /** prom-client's labels cost more than the figure: each combination is looked up once. */
  const attemptsOf = new Map<string, ReturnType<typeof attempts.labels>>();
  const secondsOf = new Map<string, ReturnType<typeof seconds.labels>>();

  return {
    registry,
    count({ route, connector, outcome, durationMs }) {
      const labels = `${route} ${connector}`;
      const key = `${labels} ${outcome.kind}`;
      const counter = attemptsOf.get(key) ?? attempts.labels(route, connector, outcome.kind);
      attemptsOf.set(key, counter);
      counter.inc();
      const histogram = secondsOf.get(labels) ?? seconds.labels(route, connector);
      secondsOf.set(labels, histogram);
      histogram.observe(durationMs / 1000);
    },
  };
}
