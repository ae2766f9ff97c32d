import { z } from "zod";
import {
  ambiguousSettings,
  type Connector,
  type Delivery,
  defineConnector,
  httpSettings,
  type OpenDestination,
  type Outcome,
  type Receipt,
} from "../../src/connector/index.ts";

export type Sent = Delivery<Record<string, unknown>>;
type Answer = Outcome | Promise<Outcome>;

/** A destination whose answers a test decides. What it was sent, it keeps; it stands for an API, not for code of ours. */
export function testDestination(
  options: {
    keeps?: Connector["keeps"];
    duplicates?: Connector["duplicates"];
    maxCalls?: number;
    concurrency?: number;
    /** `with.text` is a target that the API limits by itself, as a channel is. */
    targets?: boolean;
    name?: string;
    title?: string;
    /** What it was sent can be changed. */
    edits?: boolean;
    /** Its routes have a `match`, as those of a CRM. */
    people?: boolean;
  } = {},
) {
  const { keeps = "record", duplicates = "native-key", maxCalls = 1, concurrency = 64 } = options;
  const sent: Sent[] = [];
  const closed: string[] = [];
  const opened: string[] = [];
  let inFlight = 0;
  let answer: (delivery: Sent, nth: number) => Answer = ({ key }) => ({ kind: "delivered", receipt: { id: `id of ${key}` } });
  let answerBatch: (keys: string[]) => Outcome | undefined = () => undefined;
  let find: (delivery: Sent) => Promise<Receipt | undefined> = async () => undefined;
  let rematch: OpenDestination<unknown>["rematch"];
  let waiting: { count: number; resolve: () => void }[] = [];

  const connector = defineConnector({
    name: options.name ?? "test",
    title: options.title ?? "Test",
    ...(options.edits ? { edits: true as const } : {}),
    keeps,
    duplicates,
    settings: z.strictObject({ name: z.string().optional(), ...httpSettings, ...ambiguousSettings }),
    with: z.strictObject({ text: z.string().optional(), ...(options.people ? { match: z.strictObject({}).optional() } : {}) }),
    ...(options.targets ? { target: ({ text }: { text?: string | undefined }) => text ?? "" } : {}),
    batch: { maxCalls, concurrency },
    async open({ settings }) {
      opened.push(settings.name ?? "");
      return {
        async send(deliveries) {
          inFlight += deliveries.length;
          const whole = answerBatch(deliveries.map(({ key }) => key));
          const answers = deliveries.map((delivery) => {
            sent.push(delivery);
            return whole ?? answer(delivery, sent.length - 1);
          });
          for (const { resolve } of waiting.filter(({ count }) => sent.length >= count)) resolve();
          waiting = waiting.filter(({ count }) => sent.length < count);
          try {
            return await Promise.all(answers);
          } finally {
            inFlight -= deliveries.length;
          }
        },
        find: (delivery) => find(delivery),
        ...(rematch ? { rematch } : {}),
        close: async () => void closed.push(settings.name ?? ""),
      };
    },
    sandbox: () => Promise.reject(new Error("it is one")),
  });

  return {
    connector: connector as unknown as Connector,
    sent,
    closed,
    opened,
    inFlight: () => inFlight,
    /** How every later attempt is answered; `nth` counts all attempts from 0. */
    answers(next: typeof answer) {
      answer = next;
    },
    /** An answer to a request as a whole, before its deliveries are asked about one by one. */
    answersBatch(next: typeof answerBatch) {
      answerBatch = next;
    },
    /** It matches people, and puts a call on the one that is chosen. */
    rematches(next: NonNullable<typeof rematch>) {
      rematch = next;
    },
    finds(next: typeof find) {
      find = next;
    },
    /** Resolves when so many attempts have been made in all. */
    attempts(count: number): Promise<void> {
      if (sent.length >= count) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ count, resolve }));
    },
  };
}

export type TestDestination = ReturnType<typeof testDestination>;
