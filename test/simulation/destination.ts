/** Destinations of the simulation: what they keep, how they misbehave, and what must never be seen by them. */
import { z } from "zod";
import { type Connector, type Delivery, defineConnector, type Outcome, type Receipt } from "../../src/connector/index.ts";
import type { World } from "./world.ts";

type AnyDelivery = Delivery<Record<string, unknown>>;

export interface Weather {
  /** Whether the destination fails for everybody now, and how. */
  outage: "none" | "down" | "500" | "429" | "401" | "silent";
  /** Share of requests that go wrong by themselves. */
  trouble: number;
}

export interface SimulatedDestination {
  connector: Connector;
  weather: Weather;
  /** At a native key: the record's fields, merged as an upsert does. Else: the messages posted. */
  records: Map<string, { fields: Record<string, unknown>; posts: number }>;
}

/** Attempts are aborted after this; what was sent by then has arrived by then, or never does. */
export const TIMEOUT_MS = 15_000;

export function createSimulatedDestination(options: {
  name: string;
  world: World;
  duplicates: "native-key" | "find";
  maxCalls: number;
  violated(what: string): void;
  tell(key: string, what: string): void;
}): SimulatedDestination {
  const { name, world, duplicates, maxCalls, violated, tell } = options;
  const { random } = world;
  const records: SimulatedDestination["records"] = new Map();
  const weather: Weather = { outage: "none", trouble: 0 };
  /** Requests on their way, by key: until they are answered, or have arrived. */
  const live = new Map<string, number>();

  function commit({ key, call, with: fields, previous, related }: AnyDelivery): Receipt {
    const known = records.get(key);
    tell(key, `${name}: arrives, summary ${call.summary}, previous ${previous?.id}, related ${related?.url}`);
    const present = Object.fromEntries(
      Object.entries({ ...call, ...fields, related: related?.url }).filter(([, value]) => value !== undefined),
    );
    if (duplicates === "native-key" || previous !== undefined) {
      records.set(key, { fields: { ...known?.fields, ...present }, posts: known?.posts ?? 1 });
    } else {
      records.set(key, { fields: present, posts: (known?.posts ?? 0) + 1 });
    }
    return { id: key, url: `${name}:${key}` };
  }

  /** What becomes of one delivery of a request: what is answered, and whether it has arrived. */
  function fate(delivery: AnyDelivery): { arrives: boolean; answer: Outcome | "silence" | "reset" | undefined } {
    const { outage, trouble } = weather;
    const down: Outcome = { kind: "retry", because: "down", code: "ECONNREFUSED", reason: "nobody listens" };
    if (outage === "down") return { arrives: false, answer: down };
    if (outage === "500") return { arrives: false, answer: { kind: "retry", because: "server", code: "500", reason: "failed" } };
    if (outage === "429")
      return {
        arrives: false,
        answer: { kind: "retry", because: "rate-limit", code: "429", reason: "slowly", retryAfterMs: 1_000 + random.below(60_000) },
      };
    if (outage === "401") return { arrives: false, answer: { kind: "needs-fix", code: "401", reason: "refused", fix: "Mend it" } };
    if (outage === "silent") return { arrives: random.chance(0.5), answer: "silence" };
    if (delivery.call.metadata?.odd === "rejected")
      return { arrives: false, answer: { kind: "rejected", code: "400", reason: "no such field" } };
    if (!random.chance(trouble)) return { arrives: true, answer: undefined };
    return random.pick([
      { arrives: true, answer: "silence" as const },
      { arrives: true, answer: "reset" as const },
      { arrives: false, answer: "reset" as const },
      { arrives: false, answer: { kind: "retry", because: "record", code: "423", reason: "locked" } as Outcome },
      { arrives: false, answer: { kind: "retry", because: "server", code: "500", reason: "failed" } as Outcome },
      {
        arrives: false,
        answer: {
          kind: "retry",
          because: "rate-limit",
          scope: "call",
          code: "429",
          reason: "slowly",
          retryAfterMs: random.below(30_000),
        } as Outcome,
      },
      {
        arrives: false,
        answer: { kind: "retry", because: "record", code: "409", reason: "later", retryAfterMs: random.below(600_000) } as Outcome,
      },
    ]);
  }

  function send(deliveries: AnyDelivery[], signal: AbortSignal): Promise<Outcome[]> {
    const fates = deliveries.map(fate);
    const receipts = new Map<string, Receipt>();
    const takesMs = random.chance(0.05) ? random.next() * (TIMEOUT_MS - 1) : random.next() * 300;
    // Silence concerns the whole request.
    const silent = fates.some(({ answer }) => answer === "silence");
    for (const [index, delivery] of deliveries.entries()) {
      const { key } = delivery;
      tell(key, `${name}: sent, ${JSON.stringify(fates[index])}${silent ? ", no answer" : ""}, takes ${Math.round(takesMs)} ms`);
      const others = live.get(key) ?? 0;
      if (others > 0) violated(`${name}: two live attempts at ${key}`);
      live.set(key, others + 1);
      world.at(takesMs * random.next(), () => {
        if (fates[index]?.arrives) receipts.set(key, commit(delivery));
      });
      // A request of a process that crashed is live until it must have arrived.
      let over = false;
      const end = () => {
        if (over) return;
        over = true;
        live.set(key, (live.get(key) ?? 1) - 1);
      };
      signal.addEventListener("abort", end, { once: true });
      world.at(silent ? TIMEOUT_MS : takesMs, end);
    }
    return new Promise((resolve, reject) => {
      if (silent) return;
      world.at(takesMs, () => {
        if (fates.some(({ answer }) => answer === "reset")) {
          reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
          return;
        }
        resolve(
          deliveries.map(({ key }, index) => {
            const { answer } = fates[index] as { answer: Outcome | undefined };
            return answer ?? { kind: "delivered", receipt: receipts.get(key) ?? { id: key } };
          }),
        );
      });
    });
  }

  const connector = defineConnector({
    name,
    title: name,
    keeps: duplicates === "native-key" ? "record" : "message",
    duplicates,
    settings: z.strictObject({}),
    with: z.strictObject({ version: z.string().optional() }),
    batch: { maxCalls, concurrency: 8 },
    edits: true,
    async open() {
      return {
        send: (deliveries, { signal }) => send(deliveries as AnyDelivery[], signal),
        find: ({ key }, { signal }) =>
          new Promise((resolve, reject) => {
            if (weather.outage !== "none") return;
            signal.addEventListener("abort", () => reject(signal.reason), { once: true });
            world.at(random.next() * 200, () => {
              tell(key, `${name}: looked for, ${records.has(key) ? "found" : "not found"}`);
              resolve(records.has(key) ? { id: key } : undefined);
            });
          }),
        close: async () => undefined,
      };
    },
    sandbox: () => Promise.reject(new Error("it is one")),
  });
  return { connector: connector as unknown as Connector, weather, records };
}
