import { describe, expect, test } from "vitest";
import { parseJsonExactly, type SharedCall, sortedJson } from "../../src/connector/index.ts";
import { type ArchiveSettings, deliver, newFolder, openTestArchive, startS3rver, startStrict } from "../../test/support/archive.ts";
import { documentedCall } from "../../test/support/documented-call.ts";
import { jsonOfNumbers, metadataOfNumbers } from "../../test/support/exact-numbers.ts";
import { GOLDEN_CALLS } from "../../test/support/golden-calls.ts";
import { archive } from "./index.ts";
import { documentOf } from "./record.ts";

const STORES: { title: string; start(): Promise<ArchiveSettings> }[] = [
  { title: "a folder", start: async () => ({ url: `file:${newFolder()}/archive` }) },
  { title: "s3rver", start: startS3rver },
  { title: "a strict S3", start: async () => (await startStrict()).settings },
];

const without = (call: SharedCall, ...names: (keyof SharedCall)[]) =>
  Object.fromEntries(Object.entries(call).filter(([name]) => !names.includes(name as keyof SharedCall))) as unknown as SharedCall;

describe.each(STORES)("in $title", ({ title, start }) => {
  test("a call lies where its date, source and id say, as one line of JSON that reads back", async () => {
    const archive = await openTestArchive(await start());
    const receipt = await archive.receipt();
    expect(receipt.id).toBe("calls/v1/dt=2025-01-15/voiceinfra/call_01HXYZ123456.json");
    expect(receipt.url).toMatch(
      title === "a folder" ? /^file:\/\/\/.+\/archive\/calls\/v1\/dt=2025/ : /^s3:\/\/calls-of-acme\/acme\/voice\/calls\/v1\/dt=2025/,
    );
    expect(await archive.read(receipt)).toMatchObject({
      call_id: "call_01HXYZ123456",
      delivery_key: "voiceinfra/call_01HXYZ123456",
      duration_seconds: 147,
    });
  });

  test("what an earlier version had and this one lacks is kept, with a receipt and without one", async () => {
    const archive = await openTestArchive(await start());
    const bare = without(documentedCall({ duration_seconds: 150 }), "summary", "recording_url", "from_number");
    const first = await archive.receipt();
    const again = await archive.receipt(deliver({ call: bare, previous: first }));
    expect(await archive.read(again)).toMatchObject({
      duration_seconds: 150,
      from_number: "+14155550100",
      summary: expect.stringContaining("January 15"),
    });
    const lost = await archive.receipt(deliver({ call: without(documentedCall({ duration_seconds: 151 }), "summary") }));
    expect(lost.id).toBe(first.id);
    expect(await archive.read(lost)).toMatchObject({ duration_seconds: 151, summary: expect.stringContaining("January 15") });
  });

  test("a call whose start was corrected to another day stays one record", async () => {
    const archive = await openTestArchive(await start());
    const first = await archive.receipt();
    const later = await archive.receipt(deliver({ call: documentedCall({ start_time: "2025-01-16T00:01:00Z" }), previous: first }));
    expect(later.id).toBe(first.id);
    expect(await archive.read(later)).toMatchObject({ start_time: "2025-01-16T00:01:00Z" });
  });

  test.each([
    "../../../etc/passwd",
    "a/b\\c",
    "..",
    "%2e%2e/x",
    "日本 🙂",
    "x".repeat(3_000),
    "half \ud800",
    "nul\u0000",
    ".hidden",
    "CON",
  ])("the call_id %j is one file below its day, and is found again", async (call_id) => {
    const archive = await openTestArchive(await start());
    const key = `voiceinfra/${call_id}`;
    const receipt = await archive.receipt(deliver({ call: documentedCall({ call_id }), key }));
    expect(receipt.id).toMatch(/^calls\/v1\/dt=2025-01-15\/voiceinfra\/[\w%.-]{1,200}\.json$/);
    expect(receipt.id).not.toContain("..");
    expect(await archive.read(receipt)).toMatchObject({ call_id: call_id.toWellFormed() });
    const second = await archive.receipt(deliver({ call: documentedCall({ call_id, duration_seconds: 1 }), key, previous: receipt }));
    expect(second.id).toBe(receipt.id);
    expect(await archive.erase(receipt)).toBe(true);
    expect(await archive.read(receipt)).toBeUndefined();
  });

  test("numbers that a double does not hold keep every digit, also where a later version adds to what is there", async () => {
    const archive = await openTestArchive(await start());
    const numbers = metadataOfNumbers();
    const first = await archive.receipt(deliver({ call: documentedCall(numbers) }));
    const later = await archive.receipt(deliver({ call: documentedCall({ summary: "Later." }), previous: first }));
    const read = await archive.read(later);
    expect(read).toMatchObject({ summary: "Later." });
    // As texts, so that the digits are compared: a reader that knows longer numbers than ours finds them.
    expect(JSON.stringify(read?.metadata)).toBe(sortedJson(parseJsonExactly(jsonOfNumbers())));
    expect(JSON.stringify(read?.extra)).toBe('{"ticket_id":12345678901234567890}');
  });

  test("a route's second record of a call lies beside the first", async () => {
    const archive = await openTestArchive(await start());
    const first = await archive.receipt();
    const second = await archive.receipt(deliver({ key: "voiceinfra/call_01HXYZ123456#legal" }));
    expect(second.id).toBe("calls/v1/dt=2025-01-15/voiceinfra/call_01HXYZ123456#legal.json");
    // A call that is called so is another one.
    const odd = await archive.receipt(
      deliver({ call: documentedCall({ call_id: "call_01HXYZ123456#legal" }), key: "voiceinfra/call_01HXYZ123456#legal" }),
    );
    expect(new Set([first.id, second.id, odd.id]).size).toBe(3);
    expect(await archive.read(first)).toMatchObject({ delivery_key: "voiceinfra/call_01HXYZ123456" });
  });

  test("erasing what is gone is no fault, and what a receipt of something else names is not touched", async () => {
    const archive = await openTestArchive(await start());
    const receipt = await archive.receipt();
    expect(await archive.erase(receipt)).toBe(true);
    expect(await archive.erase(receipt)).toBe(false);
    for (const id of [
      "../../x.json",
      "calls/v1/dt=2025-01-15/../../x.json",
      "1736951007.1",
      "calls/v1/dt=2025-01-15/voiceinfra/a/b.json",
      "",
    ]) {
      expect(await archive.erase({ id })).toBe(false);
      expect(await archive.read({ id })).toBeUndefined();
    }
  });
});

describe("the JSON", () => {
  test("of the same call is the same bytes, whatever the order in which its fields came", () => {
    const call = documentedCall({ metadata: { b: 1, a: { d: [1, { z: 1, y: 2 }], c: null } } });
    const turned = Object.fromEntries(Object.entries({ ...call, metadata: { a: { c: null, d: [1, { y: 2, z: 1 }] }, b: 1 } }).toReversed());
    const bytes = documentOf(deliver({ call }), undefined);
    expect(documentOf(deliver({ call: turned as unknown as SharedCall }), undefined).equals(bytes)).toBe(true);
    expect(documentOf(deliver({ call }), bytes).equals(bytes)).toBe(true);
    expect(bytes.toString().indexOf("\n")).toBe(bytes.byteLength - 1);
  });

  test("holds no field that the table of docs/connectors/archive.md does not list", () => {
    const listed = new Set(archive.sends?.map(({ field }) => field));
    for (const call of Object.values(GOLDEN_CALLS)) {
      const names = Object.keys(JSON.parse(documentOf(deliver({ call }), undefined).toString()));
      expect(names.filter((name) => !listed.has(name))).toEqual([]);
    }
  });

  test("has the route's own fields, and an empty one blanks nothing", () => {
    const first = documentOf(deliver({ with: { fields: { campaign: "spring" } } }), undefined);
    const second = documentOf(deliver({ with: { fields: { campaign: "", team: "north" } } }), first);
    expect(JSON.parse(second.toString())).toMatchObject({ campaign: "spring", team: "north" });
  });

  test.each(["not JSON", "[]", '{"delivery_key":"voiceinfra/another"}', "{}"])(
    "is not written over %j, which is not this call",
    async (foreign) => {
      const { s3, settings } = await startStrict();
      const archive = await openTestArchive(settings);
      const key = "acme/voice/calls/v1/dt=2025-01-15/voiceinfra/call_01HXYZ123456.json";
      s3.objects.set(key, { bytes: Buffer.from(foreign), contentType: "", metadata: {} });
      expect(await archive.send()).toMatchObject({ kind: "rejected", code: "not_this_call" });
      expect(s3.objects.get(key)?.bytes.toString()).toBe(foreign);
    },
  );
});

describe("its settings", () => {
  const complaints = (written: Record<string, unknown>) =>
    archive.settings.safeParse(written).error?.issues.map(({ path }) => path.join(".")) ?? [];

  test("take a folder or a bucket, and name what is wrong", () => {
    for (const url of ["file:data/archive", "file:///srv/archive", "s3://calls-of-acme", "s3://calls-of-acme/a/b/"])
      expect(complaints({ url })).toEqual([]);
    for (const url of ["data/archive", "s3:/x", "s3://A_B/x", "https://s3.amazonaws.com/x", "s3://bucket/x?y"])
      expect(complaints({ url })).toEqual(["url"]);
    expect(complaints({ url: "file:x", max_recording: "200" })).toEqual(["max_recording"]);
    expect(complaints({ url: "file:x", max_recording: "9GB" })).toEqual(["max_recording"]);
    expect(complaints({ url: "s3://calls-of-acme", access_key_id: "AKID" })).toEqual(["secret_access_key"]);
    expect(complaints({ url: "file:x", recordings: "true", allow_private: "false" })).toEqual([]);
    expect(complaints({ url: "file:x", recordings: "yes" })).toEqual(["recordings"]);
  });
});
