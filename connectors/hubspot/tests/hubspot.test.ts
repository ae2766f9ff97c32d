import { describe, expect, test } from "vitest";
import type { Delivery, Receipt } from "../../../src/connector/index.ts";
import { documentedCall } from "../../../test/support/documented-call.ts";
import { ASSOCIATE, deliveryOf, KEY, SEARCH, send, setUp, UPSERT, without } from "../../../test/support/hubspot.ts";
import { beginsWith, bodyAbove, bodyOf } from "../body.ts";
import { hubspot } from "../index.ts";
import type { HubSpotWith } from "../mapping.ts";

const CONNECTED = "f240bbac-87c9-4f6e-bf70-924b57d47db7";
const DANA = {
  id: "201",
  kind: "contact",
  name: "Dana Example",
  owner: "sales@example.com",
  url: "https://app.hubspot.com/contacts/4242/record/0-1/201",
};
const CALL_URL = "https://app.hubspot.com/contacts/4242/record/0-48/301";
const RECORDING =
  '<p><strong>Recording:</strong> <a href="https://recordings.voiceinfra.ai/call_01HXYZ123456.mp3">Listen to the call</a></p>';

/** What HubSpot is sent for a call, without searching or writing an association. */
async function propertiesFor(delivery: Delivery<HubSpotWith>): Promise<Record<string, string>> {
  const { open, seenAt } = await setUp();
  await send(await open(), delivery);
  const [request] = seenAt(UPSERT);
  const body = request?.body as { inputs: { properties: Record<string, string> }[] } | undefined;
  return body?.inputs[0]?.properties ?? {};
}

function receiptOf(outcome: unknown): Receipt {
  expect(outcome).toMatchObject({ kind: "delivered" });
  return (outcome as { receipt: Receipt }).receipt;
}

/** What HubSpot's copies of +14155550100 may begin with: a country, an old prefix, a dialling prefix. */
const DIALLED = ["11", "1", "10", "810", "00", "011", "0011", "010"].map((prefix) => `${prefix}14155550100`);

describe("a call in HubSpot", () => {
  test("the documented call becomes exactly this record, on the contact who called", async () => {
    const { open, sandbox, seen } = await setUp();
    const destination = await open();
    seen.length = 0;
    expect(await send(destination, deliveryOf(documentedCall()))).toEqual([
      {
        kind: "delivered",
        receipt: { id: "301", url: CALL_URL, person: DANA, found: 1, extra: { contacts: "201", notes: "summary recording" } },
      },
    ]);
    expect(seen).toEqual([
      {
        method: "POST",
        path: SEARCH,
        body: {
          filterGroups: [
            {
              filters: [
                {
                  propertyName: "hs_searchable_calculated_phone_number",
                  operator: "IN",
                  values: ["4155550100", "14155550100", ...DIALLED],
                },
              ],
            },
            { filters: [{ propertyName: "hs_searchable_calculated_phone_number", operator: "CONTAINS_TOKEN", value: "*4155550100*" }] },
            {
              filters: [
                {
                  propertyName: "hs_searchable_calculated_mobile_number",
                  operator: "IN",
                  values: ["4155550100", "14155550100", ...DIALLED],
                },
              ],
            },
            { filters: [{ propertyName: "hs_searchable_calculated_mobile_number", operator: "CONTAINS_TOKEN", value: "*4155550100*" }] },
          ],
          sorts: [{ propertyName: "lastmodifieddate", direction: "DESCENDING" }],
          properties: ["phone", "mobilephone", "firstname", "lastname", "hubspot_owner_id"],
          limit: 200,
        },
      },
      // The contact's owner, for the receipt; asked once an hour.
      { method: "GET", path: "/crm/owners/2026-09/701", body: undefined },
      {
        method: "POST",
        path: UPSERT,
        body: {
          inputs: [
            {
              id: KEY,
              idProperty: "voice_call_id",
              objectWriteTraceId: KEY,
              properties: {
                hs_timestamp: "1736950980000",
                hs_call_title: "AI call: inbound from Dana Example (Sales line)",
                hs_call_body:
                  "<p>Customer called to inquire about January 15 appointment. Confirmed appointment at 2pm. No changes requested.</p>" +
                  `<p><strong>Outcome:</strong> answered<br><strong>Agent:</strong> Sales line</p>${RECORDING}`,
                hs_call_direction: "INBOUND",
                hs_call_duration: "147000",
                hs_call_status: "COMPLETED",
                hs_call_disposition: CONNECTED,
                hs_call_from_number: "+14155550100",
                hs_call_to_number: "+18005551234",
                hs_call_recording_url: "https://recordings.voiceinfra.ai/call_01HXYZ123456.mp3",
                voice_call_id: KEY,
              },
            },
          ],
        },
      },
      { method: "POST", path: ASSOCIATE, body: { inputs: [{ from: { id: "301" }, to: { id: "201" } }] } },
    ]);
    expect((await sandbox.records()).map(({ key, id, line }) => ({ key, id, line }))).toEqual([
      {
        key: KEY,
        id: "301",
        line: 'call 301 · "AI call: inbound from Dana Example (Sales line)" · contact Dana Example · COMPLETED',
      },
    ]);
  });

  test("the same delivery twice leaves one call", async () => {
    const { open, sandbox } = await setUp();
    const destination = await open();
    const first = receiptOf((await send(destination, deliveryOf(documentedCall())))[0]);
    const again = receiptOf((await send(destination, deliveryOf(documentedCall())))[0]);
    expect(again).toEqual(first);
    expect(await sandbox.records()).toHaveLength(1);
  });

  test("a late summary updates the first record and blanks nothing", async () => {
    const { open, sandbox } = await setUp();
    const destination = await open();
    const [outcome] = await send(destination, deliveryOf(without(documentedCall(), "summary")));
    const previous = receiptOf(outcome);
    const before = (await sandbox.records())[0]?.body;
    const later = documentedCall({ direction: "unknown", summary: "Late." });
    expect(receiptOf((await send(destination, deliveryOf(later, { previous })))[0])).toEqual({
      ...previous,
      extra: { contacts: "201", notes: "recording summary", side: "unknown" },
    });
    const after = await sandbox.records();
    expect(after).toHaveLength(1);
    expect(after[0]?.body).toEqual({
      ...before,
      hs_call_title: "AI call: with Dana Example (Sales line)",
      hs_call_body: `<p>Late.</p><p><strong>Outcome:</strong> answered<br><strong>Agent:</strong> Sales line</p>${RECORDING}`,
    });
  });

  test("a later record without the summary leaves the notes as they are", async () => {
    const { open, sandbox } = await setUp();
    const destination = await open();
    const previous = receiptOf((await send(destination, deliveryOf(documentedCall())))[0]);
    const before = (await sandbox.records())[0]?.body.hs_call_body;
    const later = without(documentedCall({ duration_seconds: 150 }), "summary");
    const receipt = receiptOf((await send(destination, deliveryOf(later, { previous })))[0]);
    expect((await sandbox.records())[0]?.body).toMatchObject({ hs_call_body: before, hs_call_duration: "150000" });
    expect(receipt.extra?.notes).toBe("summary recording");
  });

  test("a later record that has the summary but no transcript any more puts the summary above it", async () => {
    const { open, sandbox } = await setUp();
    const destination = await open();
    const first = without(documentedCall({ transcript: "Agent: hello" }), "summary");
    const previous = receiptOf((await send(destination, deliveryOf(first)))[0]);
    const receipt = receiptOf((await send(destination, deliveryOf(documentedCall({ summary: "Late." }), { previous })))[0]);
    expect((await sandbox.records())[0]?.body.hs_call_body).toMatch(/^<p>Late\.<\/p>.*<hr>.*Agent: hello<\/p>$/);
    expect(receipt.extra?.notes?.split(" ").sort()).toEqual(["recording", "summary", "transcript"]);
  });

  test("calls of one batch have an outcome each, in order; one with an unreadable start does not stop the others", async () => {
    const { open, sandbox, seenAt } = await setUp();
    const calls = ["a", "b", "c"].map((call_id) => documentedCall({ call_id, ...(call_id === "b" ? { start_time: "yesterday" } : {}) }));
    const outcomes = await send(await open(), ...calls.map((call) => deliveryOf(call)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["delivered", "rejected", "delivered"]);
    expect(outcomes[1]).toMatchObject({ code: "start_time", reason: expect.not.stringContaining("yesterday") });
    expect((await sandbox.records()).map(({ key }) => key)).toEqual(["voiceinfra/a", "voiceinfra/c"]);
    expect([seenAt(SEARCH).length, seenAt(UPSERT).length, seenAt(ASSOCIATE).length]).toEqual([1, 1, 1]);
  });
});

describe("the mapping", () => {
  test("markup in a call is text in HubSpot", async () => {
    const call = documentedCall({
      summary: '<img src=x onerror=alert(1)> & "more"\nsecond line',
      recording_url: "javascript:alert(1)",
      call_outcome: "<b>",
      agent_name: "<i>",
    });
    const { hs_call_body, hs_call_recording_url } = await propertiesFor(deliveryOf(call));
    expect(hs_call_body).toBe(
      "<p>&lt;img src=x onerror=alert(1)&gt; &amp; &quot;more&quot;<br>second line</p>" +
        "<p><strong>Outcome:</strong> &lt;b&gt;<br><strong>Agent:</strong> &lt;i&gt;</p>" +
        "<p><strong>Recording:</strong> javascript:alert(1)</p>",
    );
    expect(hs_call_recording_url).toBeUndefined();
  });

  test("a transcript of 200 KB is cut where HubSpot's field ends, and says so", async () => {
    const line = 'Agent: "fine" & <good> 👍\n';
    const { hs_call_body = "" } = await propertiesFor(deliveryOf(documentedCall({ transcript: line.repeat(8_000) })));
    expect(hs_call_body.length).toBeLessThanOrEqual(65_000);
    expect(hs_call_body.length).toBeGreaterThan(64_900);
    expect(hs_call_body).toMatch(/^<p>Customer called .* … \[cut: the rest does not fit into HubSpot\]<\/p>$/);
    expect(hs_call_body).not.toMatch(/&(?!(amp|lt|gt|quot|#39);)|<(?!\/?(p|br|strong|a)\b[^<]*>)/);
    expect(hs_call_body.isWellFormed()).toBe(true);
  });

  test("a cut falls never into an entity or a tag, wherever it comes", () => {
    const bodies = Array.from({ length: 24 }, (_, shift) =>
      bodyOf(documentedCall({ transcript: `${"x".repeat(shift)}${"&\"'\n".repeat(20_000)}` })),
    );
    for (const { html } of bodies) {
      expect(html.length).toBeLessThanOrEqual(65_000);
      expect(html).not.toMatch(/&(?!(amp|quot|#39);)|<(?!\/?(p|br|strong|a)\b[^<]*>)/);
    }
  });

  test.each([
    ["https://x.example/a.mp3?sig=1", "https://x.example/a.mp3?sig=1"],
    ["https://x.example/a.WAV", "https://x.example/a.WAV"],
    ["http://x.example/a.mp3", undefined],
    ["https://x.example/a.ogg", undefined],
  ])("the recording %s is linked, and played by HubSpot if it can be", async (recording_url, played) => {
    const properties = await propertiesFor(deliveryOf(documentedCall({ recording_url })));
    expect(properties.hs_call_recording_url).toBe(played);
    expect(properties.hs_call_body?.includes(`<a href="${recording_url}">`)).toBe(true);
  });

  test.each([
    ["2025-01-15T14:23:00", 1736950980000],
    ["2025-01-15 14:23", 1736950980000],
    ["2025-01-15T15:23:00+0100", 1736950980000],
    ["2025-01-15T15:23:00.250+01:00", 1736950980250],
    ["2025-01-15", 1736899200000],
  ])("the start %s is read, without a zone as UTC", async (start_time, ms) => {
    expect((await propertiesFor(deliveryOf(documentedCall({ start_time })))).hs_timestamp).toBe(String(ms));
  });

  test.each([
    { call_outcome: "answered", direction: "inbound", status: "COMPLETED", disposition: CONNECTED },
    { call_outcome: "voicemail", direction: "outbound", status: "COMPLETED", disposition: "b2cf5968-551e-4856-9783-52b3da59a7d0" },
    { call_outcome: "voicemail", direction: "inbound", status: "COMPLETED", disposition: undefined },
    { call_outcome: "failed", direction: "outbound", status: "FAILED", disposition: "73a0d17f-1163-4015-bdd5-ec830791da20" },
    { call_outcome: "transferred", direction: "inbound", status: undefined, disposition: undefined },
  ] as const)(
    "$call_outcome, $direction: status $status, outcome $disposition",
    async ({ call_outcome, direction, status, disposition }) => {
      const properties = await propertiesFor(deliveryOf(documentedCall({ call_outcome, direction })));
      expect([properties.hs_call_status, properties.hs_call_disposition]).toEqual([status, disposition]);
    },
  );

  test.each([
    ["left VOICEMAIL", "b2cf5968-551e-4856-9783-52b3da59a7d0"],
    ["17B47FEE-58DE-441E-A44C-C6300D46F273", "17b47fee-58de-441e-a44c-c6300d46f273"],
    ["none", undefined],
  ])("the route's outcome %s is the account's %s", async (outcome, value) => {
    const { hs_call_disposition } = await propertiesFor(deliveryOf(documentedCall(), { with: { outcome: { answered: outcome } } }));
    expect(hs_call_disposition).toBe(value);
  });

  test("an account's own outcome is found by its label, also when it was made since the last look", async () => {
    const { open, ask, sandbox, seen } = await setUp();
    const destination = await open();
    const options = [
      { label: "Connected", value: CONNECTED, hidden: false },
      { label: "Booked a demo ", value: "8d3f0a1c-0000-4000-8000-000000000001", hidden: false },
    ];
    await ask("PATCH", "/crm/properties/2026-09/calls/hs_call_disposition", { options });
    await send(destination, deliveryOf(documentedCall(), { with: { outcome: { answered: "booked a demo" } } }));
    await send(destination, deliveryOf(documentedCall({ call_id: "b" }), { with: { outcome: { answered: "Booked a demo" } } }));
    expect((await sandbox.records()).map(({ body }) => body.hs_call_disposition)).toEqual([options[1]?.value, options[1]?.value]);
    expect(seen.filter(({ path }) => path.endsWith("/hs_call_disposition"))).toHaveLength(1);
  });

  test("an outcome that the account does not have is refused, and what it has is listed; the label is not repeated", async () => {
    const { open, sandbox } = await setUp();
    const [outcome] = await send(await open(), deliveryOf(documentedCall(), { with: { outcome: { answered: "Talked to Dana" } } }));
    expect(outcome).toEqual({
      kind: "rejected",
      code: "unknown_outcome",
      reason:
        "what the route's outcome says for this call is no call outcome in HubSpot, which has: " +
        "Busy, Connected, Left live message, Left voicemail, No answer, Wrong number; or write none",
    });
    expect(await sandbox.records()).toEqual([]);
  });

  test.each([{ multiStatus: false }, { multiStatus: true }])(
    "an outcome that somebody deleted in HubSpot is left out, the calls are logged, and their receipts say so (per item: $multiStatus)",
    async (options) => {
      const { open, ask, sandbox, seenAt } = await setUp(options);
      const destination = await open();
      const kept = { label: "No answer", value: "73a0d17f-1163-4015-bdd5-ec830791da20", hidden: false };
      await ask("PATCH", "/crm/properties/2026-09/calls/hs_call_disposition", { options: [kept] });
      const calls = Array.from({ length: 9 }, (_, n) =>
        documentedCall({ call_id: `c${n}`, call_outcome: n === 4 ? "failed" : "answered" }),
      );
      const outcomes = await send(destination, ...calls.map((call) => deliveryOf(call)));
      expect(outcomes.map((one) => one.kind === "delivered" && one.receipt.extra?.left_out)).toEqual(
        calls.map((_, n) => (n === 4 ? undefined : "hs_call_disposition (INVALID_OPTION)")),
      );
      expect((await sandbox.records()).map(({ body }) => body.hs_call_disposition ?? null).filter((one) => one !== null)).toEqual([
        kept.value,
      ]);
      expect(seenAt(UPSERT)).toHaveLength(2);
      // From then on it is known.
      await send(destination, deliveryOf(documentedCall({ call_id: "d" })));
      expect(seenAt(UPSERT)).toHaveLength(3);
    },
  );

  test("a route's own title, body, fields and outcomes are taken; what is empty is left out", async () => {
    const properties = await propertiesFor(
      deliveryOf(documentedCall(), {
        with: {
          title: " Spring\ncall ",
          body: "Line <one>\nLine two",
          fields: { hubspot_owner_id: "702", hs_activity_type: "  " },
          outcome: { answered: "17b47fee-58de-441e-a44c-c6300d46f273", failed: "none" },
        },
      }),
    );
    expect(properties).toMatchObject({
      hs_call_title: "Spring call",
      hs_call_body: "<p>Line &lt;one&gt;<br>Line two</p>",
      hubspot_owner_id: "702",
      hs_call_disposition: "17b47fee-58de-441e-a44c-c6300d46f273",
    });
    expect(properties).not.toHaveProperty("hs_activity_type");
    const failed = await propertiesFor(
      deliveryOf(documentedCall({ call_outcome: "failed" }), { with: { body: " ", title: "", outcome: { failed: "none" } } }),
    );
    expect(failed).not.toHaveProperty("hs_call_disposition");
    expect(failed).not.toHaveProperty("hs_call_body");
    expect(failed.hs_call_title).toBe("AI call: inbound from Dana Example (Sales line)");
  });

  test.each([
    ["fields", { fields: { voice_call_id: "x" } }],
    ["fields", { fields: { hs_call_app_id: "1" } }],
    ["fields", { fields: { "Lead status": "x" } }],
    ["outcome", { outcome: { answered: 7 } }],
    ["match", { match: { on_many: "first" } }],
    ["titel", { titel: "x" }],
  ])("a mistake in with.%s is refused when the file is read", (_where, value) => {
    expect(hubspot.with.safeParse(value).success).toBe(false);
  });
});

test("a call is read back as HubSpot has it", async () => {
  const { open, ask } = await setUp();
  const destination = await open();
  const receipt = receiptOf((await send(destination, deliveryOf(documentedCall())))[0]);
  const read = () => destination.read?.({ key: KEY, receipt }, { signal: AbortSignal.timeout(5_000) });
  expect(await read()).toMatchObject({ voice_call_id: KEY, hs_call_duration: "147000", contacts: ["201"] });
  await ask("DELETE", "/crm/objects/2026-09/calls/301");
  expect(await read()).toBeUndefined();
});

test("a logged call can be archived, for `patchbay forget`", async () => {
  const { open, sandbox } = await setUp();
  const destination = await open();
  const [sent] = await send(destination, deliveryOf(documentedCall()));
  if (sent?.kind !== "delivered") throw new Error(sent?.kind);
  expect(await destination.erase?.({ key: KEY, receipt: sent.receipt }, { signal: AbortSignal.timeout(5_000) })).toBe(true);
  expect(await sandbox.records()).toEqual([]);
});

describe("notes that are nothing but angle brackets", () => {
  const brackets = "<".repeat(65_000);
  test.each([
    ["whether they begin with a text", () => expect(beginsWith(brackets, "<p>What we wrote</p>")).toBe(false)],
    ["whether a text begins with them", () => expect(beginsWith("<p>What is there</p>", brackets)).toBe(false)],
    ["what is left of them below ours", () => expect(bodyAbove("<p>New</p>", `${brackets}x`).length).toBeLessThanOrEqual(65_000)],
    [
      "what is left of signs of entities",
      () => expect(bodyAbove("<p>New</p>", `${"&#".repeat(40_000)}x`).length).toBeLessThanOrEqual(65_000),
    ],
  ])("cost no time: %s", (_what, check) => check());
});
