import { assertDelivered, assertUpdated, type DeliveredCall } from "./assertions.ts";
import { certifyCall, twoVersions } from "./calls.ts";
import { type Case, skipped } from "./cases.ts";
import { withHarness } from "./harness.ts";
import type { Problem } from "./report.ts";

/** At most so many calls at once: what goes wrong in a batch of 200 goes wrong in one of seven. */
const BATCH = 7;
const sizeOfBatch = (maxCalls: number) => Math.min(BATCH, maxCalls);

export const goodDayCases: Case[] = [
  {
    name: "a batch, a record each",
    run: ({ subject: { connector } }) =>
      withHarness({ connector }, async (stand) => {
        const { carrier } = stand;
        const calls = Array.from({ length: BATCH }, (_, index) => certifyCall(index));
        const carried = await Promise.all(
          calls.map(async (call): Promise<DeliveredCall> => ({ key: carrier.keyOf(call), ending: await carrier.toEnd(call) })),
        );
        const problems = await assertDelivered({ stand, carried, about: "a call of a batch" });
        for (const { ending } of carried) {
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
      return withHarness({ connector }, async (stand) => {
        const { carrier, sandbox } = stand;
        const calls = Array.from({ length: Math.max(3, sizeOfBatch(connector.batch.maxCalls)) }, (_, index) => certifyCall(index));
        const refusedKey = carrier.keyOf(calls[1] as (typeof calls)[number]);
        sandbox.refuse?.(refusedKey);
        const carried = await Promise.all(
          calls.map(async (call): Promise<DeliveredCall> => {
            const key = carrier.keyOf(call);
            return { key, ending: await carrier.toEnd(call), refused: key === refusedKey };
          }),
        );
        const problems = await assertDelivered({ stand, carried, about: "a call of a batch" });
        const last = carried.find(({ refused }) => refused)?.ending.outcomes.at(-1);
        if (last?.kind !== "rejected") {
          const kind = last?.kind === "delivered" ? "lost" : "wrong class";
          problems.push({ kind, text: `the call that was refused: its outcome is ${last?.kind}, not rejected` });
        }
        return { runs: 1, problems };
      });
    },
  },
  {
    name: "the same key twice in a batch",
    async run({ subject: { connector } }) {
      if (connector.batch.maxCalls < 2) return skipped("it sends one call at a time");
      return withHarness({ connector }, async (stand) => {
        const { carrier } = stand;
        const call = certifyCall();
        const endings = await Promise.all([carrier.toEnd(call), carrier.toEnd(call), carrier.toEnd(certifyCall(1))]);
        const key = carrier.keyOf(call);
        const carried = [
          { key, ending: endings[0] },
          { key: carrier.keyOf(certifyCall(1)), ending: endings[2] },
        ];
        const problems = await assertDelivered({ stand, carried, about: "a key that came twice" });
        if (endings[1].end === "dead") problems.push({ kind: "lost", text: "a key that came twice: the second one was given up" });
        return { runs: 1, problems };
      });
    },
  },
  {
    name: "delivered, and nobody heard",
    run: ({ subject: { connector } }) =>
      withHarness({ connector }, async (stand) => {
        const { carrier } = stand;
        const call = certifyCall();
        await carrier.toEnd(call);
        // As after a crash between the answer and the ledger: the claim ran out, and there is no receipt.
        const ending = await carrier.toEnd(call, { ambiguous: true });
        return {
          runs: 1,
          problems: await assertDelivered({ stand, carried: [{ key: carrier.keyOf(call), ending }], about: "sent again" }),
        };
      }),
  },
  {
    name: "late summary",
    run: ({ subject: { connector } }) =>
      withHarness({ connector }, async (stand) => {
        const { carrier } = stand;
        const { first, second } = twoVersions();
        const earlier = await carrier.toEnd(first);
        const before = (await stand.records())[0];
        const about = "a late summary";
        if (!earlier.receipt)
          return { runs: 1, problems: await assertDelivered({ stand, carried: [{ key: carrier.keyOf(first), ending: earlier }], about }) };
        const ending = await carrier.toEnd(second, { receipt: earlier.receipt });
        const problems = await assertDelivered({ stand, carried: [{ key: carrier.keyOf(second), ending }], about });
        return { runs: 1, problems: [...problems, ...(await assertUpdated({ stand, before, ending, about }))] };
      }),
  },
  {
    name: "refused credential, then the right one",
    async run({ subject: { connector }, hasWrong }) {
      if (!hasWrong) return skipped("it has no credential");
      return withHarness({ connector }, async (stand) => {
        const { carrier, settings, sandbox } = stand;
        const right = { ...settings };
        Object.assign(settings, sandbox.wrong);
        const call = certifyCall();
        const problems: Problem[] = [];
        const ending = await carrier.toEnd(call, {}, () => {
          for (const key of Object.keys(settings)) delete settings[key];
          Object.assign(settings, right);
        });
        const [first] = ending.outcomes;
        if (first?.kind !== "needs-fix" || !/\w{3}/.test(first.fix)) {
          problems.push({ kind: "wrong class", text: `a wrong credential: the outcome is ${first?.kind}, not needs-fix with its fix` });
        }
        const found = await assertDelivered({
          stand,
          carried: [{ key: carrier.keyOf(call), ending }],
          about: "a credential that was mended",
        });
        return { runs: 1, problems: [...problems, ...found] };
      });
    },
  },
];
