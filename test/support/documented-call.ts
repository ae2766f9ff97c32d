import type { Delivery, Receipt, Related, SharedCall } from "../../src/connector/index.ts";
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

/** A call on its way to a destination, as a worker hands it to a connector. */
export function deliveryOf<With>(options: {
  call?: SharedCall;
  with: With;
  key?: string;
  previous?: Receipt | undefined;
  sinceAcceptedMs?: number;
  related?: Related | undefined;
}): Delivery<With> {
  const { call = documentedCall(), previous, sinceAcceptedMs = 0, related } = options;
  return { key: options.key ?? `${call.source}/${call.call_id}`, call, with: options.with, previous, sinceAcceptedMs, related };
}
