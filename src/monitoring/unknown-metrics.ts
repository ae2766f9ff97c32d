import { Gauge, type Registry } from "prom-client";
import type { UnknownSeen } from "../model/unknown-calls.ts";

/** What `routes.yaml` says too little of, for Prometheus. An agent has its id for a label; a line is a phone number, and has none. */
export function unknownMetrics(options: { registry: Registry; running: { unknown?(): UnknownSeen | undefined } }): void {
  const { registry, running } = options;
  new Gauge({
    name: "patchbay_unknown_agent_calls",
    help: "Calls of an agent that is not under agents:, since the process read routes.yaml",
    labelNames: ["agent_id"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [agent_id, calls] of Object.entries(running.unknown?.()?.agents ?? {})) this.set({ agent_id }, calls);
    },
  });
  new Gauge({
    name: "patchbay_unknown_side_calls",
    help: "Calls of which nobody can tell which side is the customer, since the process read routes.yaml",
    registers: [registry],
    collect() {
      this.set(running.unknown?.()?.sides ?? 0);
    },
  });
}
