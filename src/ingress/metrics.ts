import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** The ingress' figures. Labels are the source's name in routes.yaml and the answer's code; nothing of a call. */
export function createIngressMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: "patchbay_ingress_requests_total",
    help: "Deliveries answered",
    labelNames: ["source", "code"],
    registers,
  });
  const acceptSeconds = new Histogram({
    name: "patchbay_ingress_accept_seconds",
    help: "From the request's head to its answer",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 10],
    registers,
  });
  const secretVerifiedAt = new Gauge({
    name: "patchbay_ingress_secret_last_verified_timestamp_seconds",
    help: "When the secret at this place of the source's list last verified a call",
    labelNames: ["source", "secret"],
    registers,
  });
  /** prom-client's labels cost more than the figure: each combination is looked up once. */
  const requestsOf = new Map<string, ReturnType<typeof requests.labels>>();
  const verifiedAtOf = new Map<string, ReturnType<typeof secretVerifiedAt.labels>>();

  return {
    registry,
    bytes: new Counter({ name: "patchbay_ingress_body_bytes_total", help: "Bytes of accepted bodies", registers }),
    inFlight: new Gauge({ name: "patchbay_ingress_in_flight", help: "Deliveries being answered", registers }),
    /** `secretIndex`: which of a source's secrets verified the call; tells when an old one can go. */
    answered(options: { source: string; code: string; secretIndex: number | undefined; tookMs: number; atMs: number }): void {
      const { source, code, secretIndex, tookMs, atMs } = options;
      cached(requestsOf, `${source} ${code}`, () => requests.labels({ source, code })).inc();
      acceptSeconds.observe(tookMs / 1000);
      if (secretIndex === undefined) return;
      const secret = String(secretIndex);
      cached(verifiedAtOf, `${source} ${secret}`, () => secretVerifiedAt.labels({ source, secret })).set(atMs / 1000);
    },
  };
}

export type IngressMetrics = ReturnType<typeof createIngressMetrics>;

function cached<T>(made: Map<string, T>, key: string, make: () => T): T {
  let one = made.get(key);
  if (one === undefined) {
    one = make();
    made.set(key, one);
  }
  return one;
}
