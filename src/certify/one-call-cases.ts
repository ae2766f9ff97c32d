/** The cases of `patchbay test`, against the sandbox: beside what the connector says stands what the sandbox then holds. */
import type { SandboxRecord } from "../connector/index.ts";
import { textOf } from "./assertions.ts";
import { certifyRecord, WORDS } from "./calls.ts";
import { type Case, skipped } from "./cases.ts";
import { type AnyDestination, deliveryOf, sendDirectly } from "./direct.ts";
import { type Harness, withHarness } from "./harness.ts";
import { changeCall, deleteCall, type LiveCall, type LiveResult, readBack, sendCall } from "./live-cases.ts";
import type { CaseResult, Problem, ProblemKind } from "./report.ts";

interface Scene {
  harness: Harness;
  open: AnyDestination;
  live: LiveCall;
  say(kind: ProblemKind, text: string): void;
}

/** Opens the destination, prepares one call and its later version, and collects what the case finds. */
function onOneCall(connector: Harness["connector"], run: (scene: Scene) => Promise<void>): Promise<Omit<CaseResult, "name">> {
  return withHarness({ connector }, async (harness) => {
    const problems: Problem[] = [];
    const open = await harness.open();
    const late = deliveryOf(harness, certifyRecord(0, { summary: `Caller ${WORDS.laterSummary}.` }));
    const delivery = deliveryOf(harness, certifyRecord());
    const live = { connector, open, timeoutMs: harness.timeoutMs, delivery, late, lateWords: WORDS.laterSummary };
    await run({ harness, open, live, say: (kind, text) => problems.push({ kind, text }) });
    return { runs: 1, problems };
  });
}

function sayIfWrong({ say }: Scene, { went, says }: LiveResult): void {
  if (went === "wrong") say("lost", says);
}

const idsOf = (records: SandboxRecord[]) => records.map(({ key, id }) => `${key} ${id}`).join(", ");

export const oneCallCases: Case[] = [
  {
    name: "one call is sent",
    run: ({ subject: { connector } }) =>
      onOneCall(connector, async (scene) => {
        const { harness, live, say } = scene;
        const { result, outcome } = await sendCall(live);
        sayIfWrong(scene, result);
        if (outcome.kind !== "delivered") return;
        const records = await harness.records();
        if (idsOf(records) !== `${live.delivery.key} ${outcome.receipt.id}`)
          say("lost", "there is not exactly one record, with the delivery's key and the id of its receipt");
        if (records.some(({ line }) => line.length <= 5)) say("lost", "the sandbox shows no line of it");
      }),
  },
  {
    name: "it is read back",
    run: ({ subject: { connector } }) =>
      onOneCall(connector, async (scene) => {
        const { result } = await sendCall(scene.live);
        if (result.receipt) sayIfWrong(scene, await readBack(scene.live, result.receipt));
      }),
  },
  {
    name: "it is changed",
    run: ({ subject: { connector } }) =>
      onOneCall(connector, async (scene) => {
        const { harness, live, say } = scene;
        const { result } = await sendCall(live);
        if (!result.receipt) return;
        const changed = await changeCall(live, result.receipt);
        sayIfWrong(scene, changed);
        const records = await harness.records();
        if (records.length !== 1) say("doubled", `there are ${records.length} records after a later version`);
        const canChange = connector.keeps === "record" || connector.edits === true;
        if (canChange && changed.receipt?.id !== result.receipt.id)
          say("lost", "the later version did not change the record of the receipt");
        if (canChange && !textOf(records[0]).includes(WORDS.laterSummary)) say("lost", "the later summary is not there");
        if (!canChange && (changed.receipt || !/\w{5,}/.test(changed.says)))
          say("wrong class", "a later version of a message that cannot be edited is skipped, with the reason");
      }),
  },
  {
    name: "it is deleted, others stay",
    async run({ subject: { connector } }) {
      let canErase = true;
      const found = await onOneCall(connector, async (scene) => {
        const { harness, open, live, say } = scene;
        canErase = open.erase !== undefined;
        if (!canErase) return;
        const other = deliveryOf(harness, certifyRecord(1));
        await sendDirectly(harness, open, other);
        const { result } = await sendCall(live);
        if (!result.receipt) return sayIfWrong(scene, result);
        const deleted = await deleteCall(live, result.receipt);
        sayIfWrong(scene, deleted);
        if (deleted.went === "well" && deleted.says !== "deleted") say("wrong class", "it says that it was gone already");
        if ((await harness.records()).map(({ key }) => key).join() !== other.key) say("lost", "not exactly the other record is left");
        // Deleted twice, as after a crash: it is no error.
        sayIfWrong(scene, await deleteCall(live, result.receipt));
      });
      return canErase ? found : skipped("its API cannot delete");
    },
  },
];
