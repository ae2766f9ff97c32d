import { describe, expect, test } from "vitest";
import type { CallRecord, SharedCall } from "../../src/model/call.ts";
import { customersOf } from "../../src/model/customer.ts";
import { createDescribe } from "../../src/model/describe.ts";
import { createUnknownCalls, sumOfUnknown } from "../../src/model/unknown-calls.ts";

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

  test.each(["OUTBOUND", "Outbound", "out-bound", "outgoing", "Outgoing call", "outbound_api", "outbound-dial", " out "])(
    "metadata.direction is read in any letters: %j is outbound",
    (direction) => expect(sides({ metadata: { direction } })).toEqual(["outbound", OURS]),
  );

  test.each(["INBOUND", "In-Bound", "incoming", "INCOMING CALL", "in"])("and %j is inbound", (direction) =>
    expect(sides({ from_number: OURS, to_number: CUSTOMER, metadata: { direction } })).toEqual(["inbound", OURS]),
  );

  test.each(["sideways", "", "income", "outage", true, 1, null, ["inbound"], "inbound or outbound"])("but %j says nothing", (direction) =>
    expect(sides({ metadata: { direction } })).toEqual(["inbound", CUSTOMER]),
  );

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

describe("calls that routes.yaml says too little of are counted", () => {
  const counting = (agents = [{ key: "sales", id: "agent_sales" }]) => {
    const unknown = createUnknownCalls();
    return { unknown, describeCall: createDescribe({ ownNumbers: [OURS], agents, unknown }) };
  };
  const elsewhere = { from_number: CUSTOMER, to_number: "+18005559876" };

  test("once each, though every route reads them, by agent and by an unknown side", () => {
    const { unknown, describeCall } = counting();
    for (const _ of ["route 1", "route 2"]) {
      describeCall(record({ agent_id: "agent_sales" }), "main");
      describeCall(record({ call_id: "call_2", agent_id: "agent_new" }), "main");
      describeCall(record({ call_id: "call_3", agent_id: "agent_new", ...elsewhere }), "main");
      describeCall(record({ call_id: "call_4", agent_id: "agent_sales", ...elsewhere }), "main");
    }
    describeCall(record({ call_id: "call_4", agent_id: "agent_sales", ...elsewhere }), "other");
    expect(unknown.seen()).toEqual({ agents: { agent_new: 2 }, sides: 3 });
  });

  test("a file without agents knows none, and no number of a call is kept", () => {
    const { unknown, describeCall } = counting([]);
    describeCall(record(elsewhere), "main");
    expect(unknown.seen()).toEqual({ agents: {}, sides: 1 });
    expect(JSON.stringify(unknown.seen())).not.toContain("555");
  });

  test("of more agents than twenty the others are counted together, and a long id is cut", () => {
    const { unknown, describeCall } = counting();
    for (let index = 0; index < 30; index += 1) describeCall(record({ call_id: `call_${index}`, agent_id: `agent_${index}` }), "main");
    describeCall(record({ call_id: "long", agent_id: "x".repeat(500) }), "main");
    const { agents } = unknown.seen();
    expect([Object.keys(agents).length, agents.others]).toEqual([21, 11]);
    expect(sumOfUnknown([unknown.seen(), unknown.seen()]).agents.others).toBe(22);
  });
});

describe("the numbers to look a person up by", () => {
  const numbersOf = (changes: Partial<CallRecord>) => customersOf(describeCall(record(changes), "main") as SharedCall);
  const foreign = "+493012345678";

  test("are the customer's where the side is known, and both sides' where it is not", () => {
    expect(numbersOf({})).toEqual([{ number: CUSTOMER, homeCode: "1" }]);
    expect(numbersOf({ from_number: OURS, to_number: foreign })).toEqual([{ number: foreign, homeCode: "1" }]);
    expect(numbersOf({ from_number: foreign, to_number: CUSTOMER })).toEqual([
      { number: foreign, homeCode: "1" },
      { number: CUSTOMER, homeCode: "49" },
    ]);
  });

  test("are fewer where a side has no number, and none where the customer's is withheld or the route keeps it back", () => {
    expect(numbersOf({ from_number: "anonymous", to_number: foreign })).toEqual([{ number: foreign, homeCode: "" }]);
    expect(numbersOf({ from_number: foreign, to_number: foreign })).toHaveLength(1);
    expect(numbersOf({ from_number: "anonymous" })).toEqual([]);
    const { from_number: _, to_number: __, customer_number: ___, ...withheld } = describeCall(record({ to_number: foreign }), "main");
    expect(customersOf(withheld)).toEqual([]);
  });
});
