import type { Connector, SandboxRecord } from "../connector/index.ts";
import { WORDS } from "./calls.ts";
import type { Ending } from "./delivery-runner.ts";
import type { Harness } from "./harness.ts";
import { leaksIn } from "./leaks.ts";
import type { Problem, ProblemKind } from "./report.ts";

/** A call that was run to its end. */
export interface DeliveredCall {
  key: string;
  ending: Ending;
  /** The destination refuses it for good: it has to become a dead letter, and no record. */
  refused?: boolean;
  /** A dead letter is a right end too. */
  mayDie?: boolean;
}

/** Compares what the destination holds with how deliveries ended: lost, doubled, leaked. `about` begins each sentence. */
export async function assertDelivered(options: { harness: Harness; calls: DeliveredCall[]; about: string }): Promise<Problem[]> {
  const { harness, calls, about } = options;
  const records = await harness.records();
  const problems: Problem[] = [];
  const say = (kind: ProblemKind, text: string) => problems.push({ kind, text: `${about}: ${text}` });

  for (const { key, ending, refused, mayDie } of calls) {
    for (const outcome of ending.outcomes) {
      for (const { kind, text } of leaksIn(outcome, { secrets: harness.secrets })) say(kind, text);
    }
    const isRight = refused || (mayDie && ending.end === "dead");
    if (!isRight) for (const text of lossesOf({ key, ending, records, connector: harness.connector })) say("lost", text);
  }
  const extra = records.length - calls.filter(({ refused }) => !refused).length;
  for (let index = 0; index < extra; index += 1) say("doubled", "there is a record more than there were calls");
  return problems;
}

function lossesOf(options: { key: string; ending: Ending; records: SandboxRecord[]; connector: Connector }): string[] {
  const { key, ending, records, connector } = options;
  const own = records.filter((record) => record.key === key);
  const last = ending.outcomes.at(-1);
  const how = last && "code" in last ? `${last.kind}, ${last.code}` : last?.kind;
  switch (ending.end) {
    case "delivered":
      if (own.length === 0) return ["it counts as delivered, and no record has its key"];
      return own.some(({ id }) => id === ending.receipt?.id) ? [] : ["its receipt names another record, which an update would overwrite"];
    case "dead":
      // Where nothing distinguishes a second message from the first, a person decides. An edit makes no second one.
      return ending.inDoubt && connector.duplicates === "none" && !(ending.isUpdate && connector.edits) ? [] : [`it was given up (${how})`];
    case "skipped":
      return own.length > 0 ? [] : ["it was skipped"];
    case "exhausted":
      return [`it was not delivered in ${ending.outcomes.length} tries (${how})`];
  }
}

/** After a later version of a call: what it brought is there, and what it lacked is unchanged. `before`: the record of the first version. */
export async function assertUpdated(options: {
  harness: Harness;
  before: SandboxRecord | undefined;
  ending: Ending;
  about: string;
}): Promise<Problem[]> {
  const { harness, before, ending, about } = options;
  const now = (await harness.records()).at(-1);
  const problems: Problem[] = [];
  const lost = (text: string) => problems.push({ kind: "lost", text: `${about}: ${text}` });
  if (!now || !before) return [];
  const [textBefore, textNow] = [textOf(before), textOf(now)];
  if (ending.end === "delivered" && !textNow.includes(WORDS.laterSummary)) lost("the late summary is not there");
  // A message is what it says now; a record keeps what it was given.
  if (harness.connector.keeps !== "record") return problems;
  for (const field of missingFields({ of: before, in: now })) lost(`it blanked ${field}`);
  for (const words of [WORDS.transcript, WORDS.recording]) {
    if (textBefore.includes(words) && !textNow.includes(words)) lost("it dropped a text that an earlier version had brought");
  }
  return problems;
}

/** Fields that one record fills and the other does not. */
export function missingFields(records: { of: SandboxRecord; in: SandboxRecord }): string[] {
  return Object.entries(records.of.body).flatMap(([field, value]) => (!isBlank(value) && isBlank(records.in.body[field]) ? [field] : []));
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

/** A record's fields as text. Rows of a database may hold what JSON cannot. */
export function textOf(record: Pick<SandboxRecord, "body"> | undefined): string {
  return JSON.stringify(record?.body ?? {}, (_, value) => (typeof value === "bigint" ? String(value) : value));
}
