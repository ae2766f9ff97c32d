/** Promises about one `send`, on a day without faults at the wire. */
import { inspect } from "node:util";
import type { Outcome } from "../connector/index.ts";
import { textOf } from "./assertions.ts";
import { certifyRecord, describeCall, NUMBER_DIGITS, SOURCE, twoVersions, WORDS } from "./calls.ts";
import { type Case, skipped } from "./cases.ts";
import { deliveryOf, outcomeOf, sendDirectly, sharedDeliveryOf } from "./direct.ts";
import { type Harness, withHarness } from "./harness.ts";
import { repeat } from "./repeat.ts";
import type { CaseResult, Problem, ProblemKind } from "./report.ts";

type Say = (kind: ProblemKind, text: string) => void;

export function onOneHarness(
  options: Parameters<typeof withHarness>[0],
  run: (harness: Harness, say: Say) => Promise<void>,
): Promise<Omit<CaseResult, "name">> {
  return withHarness(options, async (harness) => {
    const problems: Problem[] = [];
    await run(harness, (kind, text) => problems.push({ kind, text }));
    return { runs: 1, problems };
  });
}

const isDelivered = (outcome: Outcome | undefined) => outcome?.kind === "delivered";
const describeOutcome = (outcome: Outcome | undefined) =>
  outcome && "code" in outcome ? `${outcome.kind} (${outcome.code})` : outcome?.kind;

/** Text that breaks mark-up, formulas, mentions, encodings and lines. */
const ODD_TEXT = "größe 漢字 שלום 🙂 <b>&amp;</b> =cmd|'/c calc'!A1 @channel <!everyone> \u0000 \u202e \ud800";
const ODD_TEXTS = [ODD_TEXT, "x".repeat(200_000), "🙂".repeat(40_000)];

export const contractCases: Case[] = [
  {
    name: "a full batch, in order",
    run: ({ subject: { connector } }) =>
      onOneHarness({ connector }, async (harness, say) => {
        // Of one person: so many searches at once are limited elsewhere.
        const { from_number } = certifyRecord();
        const deliveries = Array.from({ length: connector.batch.maxCalls }, (_, index) =>
          deliveryOf(harness, certifyRecord(index, { from_number })),
        );
        const outcomes = await sendDirectly(harness, await harness.open(), ...deliveries);
        if (outcomes.length !== deliveries.length) say("wrong class", `${outcomes.length} outcomes for ${deliveries.length} calls`);
        const idOf = new Map((await harness.records()).map(({ key, id }) => [key, id]));
        for (const [index, { key }] of deliveries.entries()) {
          const outcome = outcomes[index];
          if (outcome?.kind !== "delivered") say("wrong class", `a call of a full batch is ${describeOutcome(outcome)}`);
          else if (outcome.receipt.id !== idOf.get(key)) say("lost", "a receipt of a full batch names another call's record");
        }
      }),
  },
  {
    name: "the same key twice in a batch",
    async run({ subject: { connector } }) {
      if (connector.batch.maxCalls < 2) return skipped("it sends one call at a time");
      return onOneHarness({ connector }, async (harness, say) => {
        const open = await harness.open();
        const [twice, other] = [deliveryOf(harness, certifyRecord()), deliveryOf(harness, certifyRecord(1))];
        const outcomes = await repeat({
          ask: () => sendDirectly(harness, open, twice, { ...twice }, other),
          waitAfter: (all) => (all.some(({ kind }) => kind === "retry" || kind === "ambiguous") ? 0 : undefined),
          tries: 5,
        });
        for (const outcome of outcomes)
          if (!isDelivered(outcome)) say("lost", `a key that came twice: a call is ${describeOutcome(outcome)}`);
        const records = await harness.records();
        for (const { key } of [twice, other])
          if (!records.some((one) => one.key === key)) say("lost", "a key that came twice: a call is not there");
        if (records.length > 2) say("doubled", "a key that came twice: there is a record more than there were calls");
      });
    },
  },
  {
    name: "an update that lacks the summary keeps it",
    async run({ subject: { connector } }) {
      // A message is what it says now; a record keeps what it was given.
      if (connector.keeps !== "record") return skipped("it keeps messages");
      return onOneHarness({ connector }, async (harness, say) => {
        const open = await harness.open();
        const { summary: _, ...without } = certifyRecord(0, { duration_seconds: 75 });
        const [first] = await sendDirectly(harness, open, deliveryOf(harness, certifyRecord()));
        if (first?.kind !== "delivered") return say("wrong class", `the first version is ${describeOutcome(first)}`);
        const [second] = await sendDirectly(harness, open, deliveryOf(harness, without, first.receipt));
        if (!isDelivered(second)) say("wrong class", `the version without a summary is ${describeOutcome(second)}`);
        const [record] = await harness.records();
        if (!textOf(record).includes(WORDS.summary)) say("lost", "the summary is gone");
      });
    },
  },
  {
    name: "a look-up finds what is there, and nothing else",
    async run({ subject: { connector } }) {
      if (connector.duplicates !== "find") return skipped("it needs no look-up");
      return onOneHarness({ connector }, async (harness, say) => {
        const open = await harness.open();
        const [sent, absent] = [deliveryOf(harness, certifyRecord()), deliveryOf(harness, certifyRecord(1))];
        const [outcome] = await sendDirectly(harness, open, sent);
        if (outcome?.kind !== "delivered") return say("wrong class", `the call is ${describeOutcome(outcome)}`);
        const how = { signal: AbortSignal.timeout(harness.timeoutMs) };
        if ((await open.find?.(sent, how))?.id !== outcome.receipt.id) say("doubled", "it does not find what it has sent");
        if (await open.find?.(absent, how)) say("lost", "it finds what was never sent");
      });
    },
  },
  {
    name: "a call of which nothing is shared",
    run: ({ subject: { connector } }) =>
      onOneHarness({ connector }, async (harness, say) => {
        const { first } = twoVersions();
        const { from_number: _, to_number: __, customer_number: ___, unknown: ____, ...call } = describeCall(first, SOURCE);
        const { recording_url: _____, transcript: ______, metadata: _______, ...shared } = call;
        const [outcome] = await sendDirectly(harness, await harness.open(), sharedDeliveryOf(harness, shared));
        if (!isDelivered(outcome)) say("wrong class", `it is ${describeOutcome(outcome)}`);
        const written = (await harness.records()).map((one) => `${one.line} ${textOf(one)}`).join("\n");
        if (NUMBER_DIGITS.test(written) || Object.values(WORDS).some((words) => written.includes(words)))
          say("leaked", "the record holds what its route withholds");
      }),
  },
  {
    name: "text of every kind and length",
    run: ({ subject: { connector } }) =>
      onOneHarness({ connector }, async (harness, say) => {
        const open = await harness.open();
        for (const [index, summary] of ODD_TEXTS.entries()) {
          const metadata = { deep: { er: [ODD_TEXT] } };
          const delivery = deliveryOf(harness, certifyRecord(index, { summary, transcript: summary, metadata }));
          const [outcome] = await sendDirectly(harness, open, delivery);
          if (!isDelivered(outcome)) say("lost", `a call with ${index === 0 ? "odd" : "long"} text is ${describeOutcome(outcome)}`);
        }
      }),
  },
  {
    name: "a wrong credential is shown to nobody",
    async run({ subject: { connector }, hasWrong }) {
      if (!hasWrong) return skipped("it has no credential");
      return onOneHarness({ connector }, async (harness, say) => {
        Object.assign(harness.settings, harness.sandbox.wrong);
        const outcome = await outcomeOf(harness, certifyRecord());
        if (outcome?.kind !== "needs-fix" || !/\w{3,}/.test(outcome.fix))
          say("wrong class", `it is ${describeOutcome(outcome)}, not needs-fix with its fix`);
        if (inspect(outcome).includes("wrong-credential")) say("leaked", "the outcome shows the credential");
      });
    },
  },
];
