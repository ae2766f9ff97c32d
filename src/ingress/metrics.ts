import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** The ingress' figures. Labels are the source's name in routes.yaml and the answer's code; nothing of a call. */
export function createIngressMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "patchbay_ingress_requests_total",
    help: "Deliveries answered; repeated: the same bytes again, acknowledged and not stored once more",
    labelNames: ["source", "code"],
    registers,
  });
  const unsigned = new Counter({
    name: "patchbay_ingress_unsigned_total",
    help: "Calls taken without a signature, by allow_unsigned",
    labelNames: ["source"],
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
  const bytes = new Counter({
    name: "patchbay_ingress_body_bytes_total",
    help: "Bytes of bodies that were stored",
    labelNames: ["source"],
    registers,
  });
  /** prom-client's labels cost more than the figure: each combination is looked up once. */
  const requestsOf = new Map<string, ReturnType<typeof requests.labels>>();
  const verifiedAtOf = new Map<string, ReturnType<typeof secretVerifiedAt.labels>>();
  const bytesOf = new Map<string, ReturnType<typeof bytes.labels>>();

  return {
    registry,
    inFlight: new Gauge({ name: "patchbay_ingress_in_flight", help: "Deliveries being answered", registers }),
    displaced: new Counter({
      name: "patchbay_ingress_displaced_total",
      help: "Unfinished bodies and idle connections that gave way to others for want of room",
      labelNames: ["what"],
      registers,
    }),
    /** `secretIndex`: which of a source's secrets verified the call; tells when an old one can go. */
    answered(options: {
      source: string;
      code: string;
      secretIndex: number | undefined;
      unsigned: boolean;
      tookMs: number;
      atMs: number;
    }): void {
      const { source, code, secretIndex, tookMs, atMs } = options;
      cached(requestsOf, `${source} ${code}`, () => requests.labels({ source, code })).inc();
      acceptSeconds.observe(tookMs / 1000);
      if (options.unsigned) unsigned.inc({ source });
      if (secretIndex === undefined) return;
      const secret = String(secretIndex);
      cached(verifiedAtOf, `${source} ${secret}`, () => secretVerifiedAt.labels({ source, secret })).set(atMs / 1000);
    },
    stored({ source, bytes: stored }: { source: string; bytes: number }): void {
      cached(bytesOf, source, () => bytes.labels({ source })).inc(stored);
    },
    /** Figures that are read when somebody asks. */
    observe(now: { heldBytes: () => number; connections: () => number; quotaUsed: () => [source: string, ratio: number][] }): void {
      new Gauge({
        name: "patchbay_ingress_held_bytes",
        help: "Memory that bodies under way have reserved",
        registers,
        collect() {
          this.set(now.heldBytes());
        },
      });
      new Gauge({
        name: "patchbay_ingress_connections",
        help: "Open connections",
        registers,
        collect() {
          this.set(now.connections());
        },
      });
      new Gauge({
        name: "patchbay_ingress_quota_used_ratio",
        help: "What a source has stored in the last 24 hours, of what it may (PATCHBAY_SOURCE_QUOTA)",
        labelNames: ["source"],
        registers,
        collect() {
          for (const [source, ratio] of now.quotaUsed()) this.set({ source }, ratio);
        },
      });
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
