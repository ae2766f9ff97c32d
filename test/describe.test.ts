import { describe, expect, test } from "vitest";
import type { CallRecord } from "../src/model/call.ts";
import { createDescribe, toE164 } from "../src/model/describe.ts";

const OURS = "+18005551234";
const CUSTOMER = "+14155550100";

const describeCall = createDescribe({
  ownNumbers: [OURS],
  agents: [
    { key: "sales", id: "agent_sales", name: "Sales line", direction: "outbound", owner: "sales@example.com" },
    { key: "desk", id: "agent_desk" },
  ],
});

function record(changes: Partial<CallRecord>): CallRecord {
  return {
    call_id: "call_1",
    from_number: CUSTOMER,
    to_number: OURS,
    agent_id: "agent_other",
    duration_seconds: 10,
    start_time: "2026-01-15T14:23:00Z",
    end_time: "2026-01-15T14:23:10Z",
    call_outcome: "answered",
    unknown: {},
    ...changes,
  };
}

function sides(changes: Partial<CallRecord>): [string, string] {
  const { direction, customer_number } = describeCall(record(changes), "main");
  return [direction, customer_number];
}

describe("which way a call went, and whose number is the customer's", () => {
  test("our own numbers tell", () => {
    expect(sides({})).toEqual(["inbound", CUSTOMER]);
    expect(sides({ from_number: OURS, to_number: CUSTOMER })).toEqual(["outbound", CUSTOMER]);
  });

  test("our own numbers are known in any spelling", () => {
    expect(sides({ to_number: "+1 (800) 555-1234" })).toEqual(["inbound", CUSTOMER]);
  });

  test("metadata.direction wins over them", () => {
    expect(sides({ metadata: { direction: "outbound" } })).toEqual(["outbound", OURS]);
    expect(sides({ metadata: { direction: "sideways" } })).toEqual(["inbound", CUSTOMER]);
  });

  test("the agent's default is used where neither tells", () => {
    const neither = { from_number: "+493012345678", to_number: CUSTOMER };
    expect(sides({ ...neither, agent_id: "agent_sales" })).toEqual(["outbound", CUSTOMER]);
    expect(sides({ ...neither, agent_id: "agent_desk" })).toEqual(["unknown", ""]);
    expect(sides(neither)).toEqual(["unknown", ""]);
  });

  test("both sides ours is a call that we made", () => {
    expect(sides({ from_number: OURS, to_number: OURS })).toEqual(["outbound", OURS]);
  });

  test.each(["anonymous", "Restricted", "", "sip:+14155550100@example.com", "112", "+49", "+1415555", "4155550100"])(
    "a caller %j has no customer number",
    (from_number) => {
      expect(sides({ from_number })).toEqual(["inbound", ""]);
    },
  );
});

test("the agent's key, name and owner; an agent that the file does not know has its id as its name", () => {
  const named = (agent_id: string) => {
    const { agent, agent_name, agent_owner } = describeCall(record({ agent_id }), "main");
    return [agent, agent_name, agent_owner];
  };
  expect(named("agent_sales")).toEqual(["sales", "Sales line", "sales@example.com"]);
  expect(named("agent_desk")).toEqual(["desk", "agent_desk", ""]);
  expect(named("agent_other")).toEqual(["", "agent_other", ""]);
});

test("the record itself is kept whole and not changed", () => {
  const given = record({ summary: "s", metadata: { a: 1 }, unknown: { new_field: true } });
  const before = structuredClone(given);
  expect(describeCall(given, "main")).toMatchObject({ ...before, source: "main", test: false });
  expect(given).toEqual(before);
});

test("numbers in E.164", () => {
  expect(["+14155550100", "+49 (30) 12345678", " +442079460958 ", "+15551234567"].map(toE164)).toEqual([
    "+14155550100",
    "+493012345678",
    "+442079460958",
    "+15551234567",
  ]);
});
