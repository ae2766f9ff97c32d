import { truncate } from "../lib/text/text.ts";
import type { CallRecord } from "./call.ts";

/** Calls that routes.yaml says too little of, as one process has met them since it read the file. */
export interface UnknownSeen {
  /** Calls of agents that are not under `agents:`, by the agent's id; those of more than twenty agents under "others". */
  agents: Record<string, number>;
  /** Calls of which nobody can tell which side is the customer: neither number is under `own_numbers`. */
  sides: number;
}

/** Counts each call once, though every route reads it. No number of a call is kept. */
export interface UnknownCalls {
  note(options: { record: CallRecord; source: string; agent: boolean; side: boolean }): void;
  seen(): UnknownSeen;
}

const MAX_AGENTS = 20;
const MAX_ID = 64;
/** Routes read a call one soon after another; one that is further behind counts it again. */
const MAX_REMEMBERED = 10_000;
const OTHERS = "others";

export function createUnknownCalls(): UnknownCalls {
  const counted = new Set<string>();
  const agents = new Map<string, number>();
  let sides = 0;
  return {
    note({ record, source, agent, side }) {
      if (!agent && !side) return;
      const key = JSON.stringify([source, record.call_id]);
      if (counted.has(key)) return;
      if (counted.size >= MAX_REMEMBERED) counted.clear();
      counted.add(key);
      if (side) sides += 1;
      if (!agent) return;
      // It is shown on terminals.
      const id = truncate(record.agent_id.replace(/\p{C}/gu, "?"), MAX_ID, "…");
      const label = agents.has(id) || agents.size < MAX_AGENTS ? id : OTHERS;
      agents.set(label, (agents.get(label) ?? 0) + 1);
    },
    seen: () => ({ agents: Object.fromEntries(agents), sides }),
  };
}

/** Of several processes together. */
export function sumOfUnknown(all: readonly UnknownSeen[]): UnknownSeen {
  const agents: Record<string, number> = {};
  for (const one of all) for (const [id, calls] of Object.entries(one.agents)) agents[id] = (agents[id] ?? 0) + calls;
  return { agents, sides: all.reduce((sum, one) => sum + one.sides, 0) };
}
