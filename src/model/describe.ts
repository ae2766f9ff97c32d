import { memoize } from "../lib/cache/memoize.ts";
import type { Call, CallRecord, Direction } from "./call.ts";
import { toE164 } from "./phone.ts";
import type { UnknownCalls } from "./unknown-calls.ts";

/** An agent as routes.yaml has it. */
export interface Agent {
  /** The key under `agents:`. */
  key: string;
  /** `agent_id` as VoiceInfra sends it. */
  id: string;
  name?: string | undefined;
  direction?: "inbound" | "outbound" | undefined;
  owner?: string | undefined;
}

/**
 * Makes the function that adds to a record what routes.yaml knows. VoiceInfra does not say which way a call went, so it is found out, in order:
 * `metadata.direction`, our own numbers, the agent's default.
 */
export function createDescribe(options: {
  ownNumbers: readonly string[];
  agents: readonly Agent[];
  /** Counts those that the file says too little of. */
  unknown?: UnknownCalls | undefined;
}): (record: CallRecord, source: string) => Call {
  const ours = new Set(options.ownNumbers.map((number) => toE164(number) || number));
  const agents = new Map(options.agents.map((agent) => [agent.id, agent]));
  // Our own number comes with each call, a customer's once for each route.
  const e164Of = memoize(toE164);
  const isOurs = (number: string) => ours.has(e164Of(number) || number);

  function directionOf(record: CallRecord, agent: Agent | undefined): Direction {
    const said = saidDirection(record.metadata?.direction);
    if (said) return said;
    if (isOurs(record.from_number)) return "outbound";
    if (isOurs(record.to_number)) return "inbound";
    return agent?.direction ?? "unknown";
  }

  return (record, source) => {
    const agent = agents.get(record.agent_id);
    const direction = directionOf(record, agent);
    options.unknown?.note({ record, source, agent: agents.size > 0 && agent === undefined, side: direction === "unknown" });
    return {
      ...record,
      source,
      agent: agent?.key ?? "",
      agent_name: agent?.name ?? record.agent_id,
      agent_owner: agent?.owner ?? "",
      direction,
      customer_number: direction === "unknown" ? "" : e164Of(direction === "inbound" ? record.from_number : record.to_number),
      test: false,
    };
  };
}

/** `OUTBOUND`, `Inbound`, `out-bound`, `outgoing`, `outbound-api`: as people and telephone systems write it. */
function saidDirection(said: unknown): "inbound" | "outbound" | undefined {
  const word =
    typeof said === "string"
      ? said
          .slice(0, 40)
          .toLowerCase()
          .replace(/[^a-z]/g, "")
      : "";
  if (/^in(?:bound|coming)?(?:api|call)?$/.test(word)) return "inbound";
  return /^out(?:bound|going)?(?:api|dial|call)?$/.test(word) ? "outbound" : undefined;
}
