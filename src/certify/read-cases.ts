import type { SandboxRecord } from "../connector/index.ts";
import type { CallRecord } from "../model/call.ts";
import { assertDelivered, assertUpdated, missingFields } from "./assertions.ts";
import { certifyRecord, twoVersions } from "./calls.ts";
import { type Case, skipped } from "./cases.ts";
import type { ConnectorUnderTest } from "./connector-under-test.ts";
import type { RunOptions } from "./delivery-runner.ts";
import { FAULTS, type Fault } from "./faults.ts";
import { type Harness, withHarness } from "./harness.ts";
import type { Problem } from "./report.ts";

/** A question comes before a write: one without an answer must not be taken for "there is nothing". */
const READ_FAULTS = FAULTS.filter(({ timed, refuses, does }) => !timed && !refuses && !("wire" in does && does.wire === "answers slowly"));

/** A delivery whose reading requests meet faults, and what comes before it. */
interface Scene {
  about: string;
  /** `undefined`: the destination refuses what comes before. */
  prepare(harness: Harness): Promise<{ call: CallRecord; how?: RunOptions } | undefined>;
}

const NEW_CALL: Scene = { about: "a new call", prepare: async () => ({ call: certifyRecord() }) };
const LATE_SUMMARY: Scene = {
  about: "a late summary",
  async prepare({ runner }) {
    const { first, second } = twoVersions();
    const { receipt } = await runner.runToEnd(first);
    return receipt && { call: second };
  },
};
/** It was sent, its answer was lost, and the next attempt looks for it. */
const LOOK_UP: Scene = {
  about: "a look-up",
  async prepare({ runner }) {
    const call = certifyRecord();
    const { receipt } = await runner.runToEnd(call);
    return receipt && { call, how: { afterCrash: true } };
  },
};

export const readCases: Case[] = [
  {
    name: "a request that does not write goes wrong",
    async run({ subject, isHttp }) {
      if (!isHttp) return skipped("there is no HTTP between");
      return everyRead(subject, [NEW_CALL, LATE_SUMMARY]);
    },
  },
  {
    name: "a look-up goes wrong",
    async run({ subject, isHttp }) {
      if (subject.connector.duplicates !== "find") return skipped("it needs no look-up");
      if (!isHttp) return skipped("there is no HTTP between");
      return everyRead(subject, [LOOK_UP]);
    },
  },
];

async function everyRead({ connector }: ConnectorUnderTest, scenes: Scene[]) {
  const problems: Problem[] = [];
  let runs = 0;
  for (const scene of scenes) {
    const { reads, goodDay } = await withHarness({ connector }, (harness) => onAGoodDay(harness, scene));
    for (const { at, isJson } of reads) {
      const faults = READ_FAULTS.filter(({ needsJson }) => isJson || !needsJson);
      const found = await Promise.all(
        faults.map((fault) => withHarness({ connector }, (harness) => meets({ harness, scene, fault, at, goodDay }))),
      );
      problems.push(...found.flat());
      runs += faults.length;
    }
  }
  return runs === 0 ? skipped("it only writes") : { runs, problems };
}

/** Which requests of the delivery write nothing, counted from the harness' first one, and the record that it leaves. */
async function onAGoodDay(harness: Harness, scene: Scene): Promise<{ reads: { at: number; isJson: boolean }[]; goodDay?: SandboxRecord }> {
  const prepared = await scene.prepare(harness);
  if (!prepared || !harness.proxy) return { reads: [] };
  const before = harness.proxy.requests.length;
  await harness.runner.runToEnd(prepared.call, prepared.how);
  const reads = harness.proxy.requests.flatMap(({ writes, isJson = false }, at) => (at < before || writes ? [] : [{ at, isJson }]));
  const [goodDay] = await harness.records();
  return { reads, ...(goodDay && { goodDay }) };
}

async function meets(options: {
  harness: Harness;
  scene: Scene;
  fault: Fault;
  at: number;
  goodDay: SandboxRecord | undefined;
}): Promise<Problem[]> {
  const { harness, scene, fault, at, goodDay } = options;
  const { runner, proxy } = harness;
  const prepared = await scene.prepare(harness);
  if (!prepared) return [];
  const { call, how } = prepared;
  const [before] = await harness.records();
  proxy?.meet(fault, at);
  const ending = await runner.runToEnd(call, how);
  const about = `${scene.about}, request ${at + 1} met with ${fault.name}`;
  const problems = await assertDelivered({ harness, calls: [{ key: runner.keyOf(call), ending }], about });
  const [now] = await harness.records();
  // A search without an answer must not be taken for "nobody has the number".
  const missing = goodDay && now ? missingFields({ of: goodDay, in: now }) : [];
  for (const field of missing) problems.push({ kind: "lost", text: `${about}: it lacks ${field}, which it has on a good day` });
  return ending.isUpdate ? [...problems, ...(await assertUpdated({ harness, before, ending, about }))] : problems;
}
