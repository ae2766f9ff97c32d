import type { SharedCall } from "../../src/connector.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";

/** The call record that VoiceInfra documents, as a route sees it that shares numbers, summary and recording. */
export function documentedCall(changes: Partial<SharedCall> = {}): SharedCall {
  return {
    ...JSON.parse(documentedExample().toString()),
    source: "voiceinfra",
    agent: "sales",
    agent_name: "Sales line",
    agent_owner: "",
    direction: "inbound",
    customer_number: "+14155550100",
    test: false,
    ...changes,
  };
}
