import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** The ingress' figures. Labels are the source's name in routes.yaml and the answer's code; nothing of a call. */
export function createIngressMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    requests: new Counter({
      name: "patchbay_ingress_requests_total",
      help: "Deliveries answered",
      labelNames: ["source", "code"],
      registers,
    }),
    acceptSeconds: new Histogram({
      name: "patchbay_ingress_accept_seconds",
      help: "From the request's head to its answer",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 10],
      registers,
    }),
    bytes: new Counter({ name: "patchbay_ingress_body_bytes_total", help: "Bytes of accepted bodies", registers }),
    inFlight: new Gauge({ name: "patchbay_ingress_in_flight", help: "Deliveries being answered", registers }),
    /** Which of a source's secrets last verified a call: tells when an old one can go. */
    secretVerifiedAt: new Gauge({
      name: "patchbay_ingress_secret_last_verified_timestamp_seconds",
      help: "When the secret at this place of the source's list last verified a call",
      labelNames: ["source", "secret"],
      registers,
    }),
  };
}

export type IngressMetrics = ReturnType<typeof createIngressMetrics>;
