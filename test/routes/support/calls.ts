import type { Call } from "../../../src/model/call.ts";

/** A call of the source `main`, taken by the agent `sales`. */
export function callOf(changes: Partial<Call>): Call {
  return {
    call_id: "call_1",
    from_number: "+14155550100",
    to_number: "+18005551234",
    agent_id: "agent_1",
    duration_seconds: 60,
    start_time: "2026-01-15T14:23:00Z",
    end_time: "2026-01-15T14:24:00Z",
    call_outcome: "answered",
    unknown: {},
    source: "main",
    agent: "sales",
    agent_name: "Sales line",
    agent_owner: "",
    direction: "inbound",
    customer_number: "+14155550100",
    test: false,
    ...changes,
  };
}
