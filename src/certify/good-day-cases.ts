/** Calls by the product's pipeline, at a destination that does what its API says. */
import { assertDelivered, assertUpdated, type DeliveredCall } from "./assertions.ts";
import { certifyRecord, twoVersions } from "./calls.ts";
import { type Case, skipped } from "./cases.ts";
import { withHarness } from "./harness.ts";
import type { Problem } from "./report.ts";

/** What goes wrong in a batch of 200 goes wrong in one of seven. */
const BATCH = 7;
const sizeOfBatch = (maxCalls: number) => Math.min(BATCH, maxCalls);

export const goodDayCases: Case[] = [
  {
    name: "a batch, a record each",
    run: ({ subject: { connector } }) =>
      withHarness({ connector }, async (harness) => {
        const { runner } = harness;
        const records = Array.from({ length: BATCH }, (_, index) => certifyRecord(index));
        const calls = await Promise.all(
          records.map(async (record): Promise<DeliveredCall> => ({ key: runner.keyOf(record), ending: await runner.runToEnd(record) })),
        );
        const problems = await assertDelivered({ harness, calls, about: "a call of a batch" });
        for (const { ending } of calls) {
          const [first] = ending.outcomes;
          if (first?.kind === "delivered") continue;
          const code = first && "code" in first ? first.code : "";
          problems.push({ kind: "wrong class", text: `a call of a batch: the first outcome is ${first?.kind} (${code}) on a good day` });
        }
        return { runs: 1, problems };
      }),
  },
  {
    name: "one of a batch is refused",
    async run({ subject: { connector }, canRefuse }) {
      if (!canRefuse) return skipped("its sandbox has no refuse()");
      return withHarness({ connector }, async (harness) => {
        const { runner, sandbox } = harness;
        const records = Array.from({ length: Math.max(3, sizeOfBatch(connector.batch.maxCalls)) }, (_, index) => certifyRecord(index));
        const refusedKey = runner.keyOf(certifyRecord(1));
        sandbox.refuse?.(refusedKey);
        const calls = await Promise.all(
          records.map(async (record): Promise<DeliveredCall> => {
            const key = runner.keyOf(record);
            return { key, ending: await runner.runToEnd(record), refused: key === refusedKey };
          }),
        );
        const problems = await assertDelivered({ harness, calls, about: "a call of a batch" });
        const last = calls.find(({ refused }) => refused)?.ending.outcomes.at(-1);
        if (last?.kind !== "rejected") {
          const kind = last?.kind === "delivered" ? "lost" : "wrong class";
          problems.push({ kind, text: `the call that was refused: its outcome is ${last?.kind}, not rejected` });
        }
        return { runs: 1, problems };
      });
    },
  },
  {
    name: "delivered, and nobody heard",
    run: ({ subject: { connector } }) =>
      withHarness({ connector }, async (harness) => {
        const { runner } = harness;
        const record = certifyRecord();
        await runner.runToEnd(record);
        const ending = await runner.runToEnd(record, { afterCrash: true });
        return {
          runs: 1,
          problems: await assertDelivered({ harness, calls: [{ key: runner.keyOf(record), ending }], about: "sent again" }),
        };
      }),
  },
  {
    name: "late summary",
    run: ({ subject: { connector } }) =>
      withHarness({ connector }, async (harness) => {
        const { runner } = harness;
        const { first, second } = twoVersions();
        const key = runner.keyOf(first);
        const about = "a late summary";
        const earlier = await runner.runToEnd(first);
        if (!earlier.receipt) return { runs: 1, problems: await assertDelivered({ harness, calls: [{ key, ending: earlier }], about }) };
        const [before] = await harness.records();
        const ending = await runner.runToEnd(second);
        const problems = await assertDelivered({ harness, calls: [{ key, ending }], about });
        return { runs: 1, problems: [...problems, ...(await assertUpdated({ harness, before, ending, about }))] };
      }),
  },
  {
    name: "refused credential, then the right one",
    async run({ subject: { connector }, hasWrong }) {
      if (!hasWrong) return skipped("it has no credential");
      return withHarness({ connector }, async (harness) => {
        const { runner, settings, sandbox } = harness;
        const right = { ...settings };
        Object.assign(settings, sandbox.wrong);
        const record = certifyRecord();
        const problems: Problem[] = [];
        const ending = await runner.runToEnd(record, {
          onOutcome() {
            for (const key of Object.keys(settings)) delete settings[key];
            Object.assign(settings, right);
          },
        });
        const [first] = ending.outcomes;
        if (first?.kind !== "needs-fix" || !/\w{3}/.test(first.fix)) {
          problems.push({ kind: "wrong class", text: `a wrong credential: the outcome is ${first?.kind}, not needs-fix with its fix` });
        }
        const about = "a credential that was corrected";
        const found = await assertDelivered({ harness, calls: [{ key: runner.keyOf(record), ending }], about });
        return { runs: 1, problems: [...problems, ...found] };
      });
    },
  },
];
