import type { SandboxRecord } from "../connector/index.ts";
import type { Call } from "../model/call.ts";
import { assertDelivered, assertUpdated, missingFields } from "./assertions.ts";
import { certifyCall, twoVersions } from "./calls.ts";
import { type Case, skipped } from "./cases.ts";
import type { ConnectorUnderTest } from "./connector-under-test.ts";
import type { Known } from "./delivery-runner.ts";
import { FAULTS, type Fault } from "./faults.ts";
import { type Harness, withHarness } from "./harness.ts";
import type { Problem } from "./report.ts";

/** Asking comes before writing: what a question without an answer hides must not be taken for "there is nothing". */
const READ_FAULTS = FAULTS.filter(({ timed, refuses, does }) => !timed && !refuses && !("wire" in does && does.wire === "answers slowly"));

/** What comes before the trip whose requests are met, and the trip. */
interface Scene {
  about: string;
  /** `undefined`: it cannot be set. */
  prepare(stand: Harness): Promise<{ call: Call; known: Known } | undefined>;
}

const NEW_CALL: Scene = { about: "a new call", prepare: async () => ({ call: certifyCall(), known: {} }) };
const LATE_SUMMARY: Scene = {
  about: "a late summary",
  async prepare({ carrier }) {
    const { first, second } = twoVersions();
    const { receipt } = await carrier.toEnd(first);
    return receipt && { call: second, known: { receipt } };
  },
};
/** It was sent, nobody heard, and the next attempt looks for it. */
const LOOK_UP: Scene = {
  about: "a look-up",
  async prepare({ carrier }) {
    const call = certifyCall();
    const { receipt } = await carrier.toEnd(call);
    return receipt && { call, known: { ambiguous: true } };
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

async function everyRead(subject: ConnectorUnderTest, scenes: Scene[]) {
  const { connector } = subject;
  const problems: Problem[] = [];
  let runs = 0;
  for (const scene of scenes) {
    const { reads, goodDay } = await withHarness({ connector }, (stand) => onAGoodDay(stand, scene));
    for (const { at, isJson } of reads) {
      const faults = READ_FAULTS.filter(({ needsJson }) => isJson || !needsJson);
      const found = await Promise.all(
        faults.map((fault) => withHarness({ connector }, (stand) => meets({ stand, scene, fault, at, goodDay }))),
      );
      problems.push(...found.flat());
      runs += faults.length;
    }
  }
  return runs === 0 ? skipped("it only writes") : { runs, problems };
}

/** Which of the trip's requests write nothing, counted from the stand's first one, and the record that it leaves. */
async function onAGoodDay(stand: Harness, scene: Scene): Promise<{ reads: { at: number; isJson: boolean }[]; goodDay?: SandboxRecord }> {
  const prepared = await scene.prepare(stand);
  if (!prepared || !stand.proxy) return { reads: [] };
  const before = stand.proxy.requests.length;
  await stand.carrier.toEnd(prepared.call, prepared.known);
  const reads = stand.proxy.requests.flatMap(({ writes, isJson = false }, at) => (at < before || writes ? [] : [{ at, isJson }]));
  const [goodDay] = await stand.records();
  return { reads, ...(goodDay && { goodDay }) };
}

async function meets(options: {
  stand: Harness;
  scene: Scene;
  fault: Fault;
  at: number;
  goodDay: SandboxRecord | undefined;
}): Promise<Problem[]> {
  const { stand, scene, fault, at, goodDay } = options;
  const prepared = await scene.prepare(stand);
  if (!prepared) return [];
  const { call, known } = prepared;
  const before = (await stand.records())[0];
  stand.proxy?.meet(fault, at);
  const ending = await stand.carrier.toEnd(call, known);
  const about = `${scene.about}, request ${at + 1} met with ${fault.name}`;
  const problems = await assertDelivered({ stand, carried: [{ key: stand.carrier.keyOf(call), ending }], about });
  const [now] = await stand.records();
  // A person who was asked for without an answer is not nobody.
  const missing = goodDay && now ? missingFields({ of: goodDay, in: now }) : [];
  for (const field of missing) problems.push({ kind: "lost", text: `${about}: it lacks ${field}, which it has on a good day` });
  return known.receipt ? [...problems, ...(await assertUpdated({ stand, before, ending, about }))] : problems;
}
