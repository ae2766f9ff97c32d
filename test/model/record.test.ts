import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../src/model/canonical.ts";
import { parseRecord } from "../../src/model/record.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";

const example = () => JSON.parse(documentedExample().toString()) as Record<string, unknown>;
const parse = (value: unknown) => parseRecord(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));
const without = (field: string) => Object.fromEntries(Object.entries(example()).filter(([key]) => key !== field));

function refusal(value: unknown) {
  const parsed = parse(value);
  if (parsed.ok) throw new Error("it was taken for a call record");
  return parsed;
}

describe("a call record", () => {
  test("is the documented example, which has no transcript", () => {
    const parsed = parseRecord(documentedExample());
    expect(parsed).toMatchObject({ ok: true, record: { call_id: "call_01HXYZ123456", duration_seconds: 147, unknown: {} } });
    if (parsed.ok) expect("transcript" in parsed.record).toBe(false);
  });

  test.each(["recording_url", "transcript", "summary", "metadata"])("may lack %s, or have it as null", (field) => {
    expect(parse(without(field))).toMatchObject({ ok: true });
    const parsed = parse({ ...example(), [field]: null });
    expect(parsed.ok && field in parsed.record).toBe(false);
    expect(parsed.ok).toBe(true);
  });

  test.each(["call_id", "from_number", "to_number", "agent_id", "duration_seconds", "start_time", "end_time", "call_outcome"])(
    "must have %s",
    (field) => {
      expect(refusal(without(field))).toMatchObject({ status: 422, code: "not_a_call_record", fields: [{ field, problem: "is missing" }] });
    },
  );

  test("with several mistakes hears of all of them at once", () => {
    const { fields } = refusal({ ...example(), call_id: "", duration_seconds: "147", start_time: "yesterday", summary: 7 });
    expect(fields?.map(({ field }) => field)).toEqual(["call_id", "duration_seconds", "start_time", "summary"]);
  });

  test.each([
    ["duration_seconds", -1, "is below 0"],
    ["duration_seconds", 1e300, "is above 1000000000"],
    ["duration_seconds", null, "must be a number of seconds"],
    ["duration_seconds", true, "must be a number of seconds"],
    ["call_id", 7, "must be a text"],
    ["call_id", "x".repeat(513), "is longer than 512 characters"],
    ["call_id", "a\nb", "has control characters"],
    ["call_id", "a\ud800b", "has half of a character (a lone surrogate)"],
    ["from_number", 4155550100, "must be a text"],
    ["start_time", "2025-13-45T00:00:00Z", "is not an ISO 8601 time"],
    ["start_time", 1736951000, "must be an ISO 8601 time"],
    ["end_time", "15.01.2025", "is not an ISO 8601 time"],
    ["transcript", ["a"], "must be a text"],
  ])("is refused where %s is %j", (field, value, problem) => {
    expect(refusal({ ...example(), [field]: value }).fields).toEqual([{ field, problem }]);
  });

  test("1e400 is no number of seconds", () => {
    expect(refusal(documentedExample().toString().replace("147", "1e400")).fields).toEqual([
      { field: "duration_seconds", problem: "must be a number of seconds" },
    ]);
  });

  test.each(["2025-01-15T14:23:00", "2025-01-15T14:23:00.123456Z", "2025-01-15T14:23:00+01:00", "2025-01-15 14:23:00Z"])(
    "may start at %s",
    (start_time) => {
      expect(parse({ ...example(), start_time })).toMatchObject({ ok: true, record: { start_time } });
    },
  );

  test.each(["anonymous", "", "sip:reception@example.com", null])("may come from %j", (from_number) => {
    expect(parse({ ...example(), from_number })).toMatchObject({ ok: true, record: { from_number: from_number ?? "" } });
  });

  test("keeps an unknown outcome and unknown fields as they are", () => {
    const parsed = parse({ ...example(), call_outcome: "teleported", sentiment: { score: 0.7 } });
    expect(parsed).toMatchObject({ ok: true, record: { call_outcome: "teleported", unknown: { sentiment: { score: 0.7 } } } });
  });

  test("keeps metadata of any shape", () => {
    expect(parse({ ...example(), metadata: { a: [1] } })).toMatchObject({ record: { metadata: { a: [1] } } });
    expect(parse({ ...example(), metadata: "campaign-7" })).toMatchObject({ record: { metadata: { value: "campaign-7" } } });
    expect(parse({ ...example(), metadata: [1, 2] })).toMatchObject({ record: { metadata: { value: [1, 2] } } });
  });

  test("with __proto__ or constructor keys changes no prototype and keeps them as data", () => {
    const text = JSON.stringify(example()).replace("{", '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},');
    const parsed = parse(text);
    expect(parsed.ok).toBe(true);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    if (parsed.ok) expect(Object.hasOwn(parsed.record.unknown, "__proto__")).toBe(true);
  });
});

describe("what is no call record", () => {
  test.each([
    ["", "empty_body"],
    ["{", "not_json"],
    ["null", "not_an_object"],
    ["[]", "not_an_object"],
    ['"text"', "not_an_object"],
    ["12", "not_an_object"],
  ])("%j is answered 400 %s", (text, code) => {
    expect(refusal(text)).toMatchObject({ status: 400, code });
  });

  test("bytes that are not UTF-8", () => {
    expect(parseRecord(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]))).toMatchObject({ ok: false, status: 400, code: "not_utf8" });
  });

  test.each([65, 100_000])("nesting of %i levels", (levels) => {
    const text = JSON.stringify(example()).replace("{", `{"deep":${"[".repeat(levels)}${"]".repeat(levels)},`);
    expect(refusal(text)).toMatchObject({ status: 422, code: "too_deep" });
  });

  test("is described without any value of it", () => {
    const { message, fields } = refusal({
      ...example(),
      from_number: 14155550199,
      transcript: { said: "a secret thing" },
      start_time: "private",
    });
    expect(`${message} ${JSON.stringify(fields)}`).not.toMatch(/14155550199|secret thing|private/);
  });
});

describe("the content hash", () => {
  const hashOf = (value: unknown) => {
    const parsed = parse(value);
    return parsed.ok ? parsed.hash : "";
  };

  test("is the same for the same content in another order and spacing", () => {
    const reversed = Object.fromEntries(Object.entries(example()).toReversed());
    expect(hashOf(JSON.stringify(reversed, null, 7))).toBe(hashOf(example()));
  });

  test("changes with every field, the unknown ones too", () => {
    const hashes = [example(), { ...example(), summary: "late" }, { ...example(), transcript: "x" }, { ...example(), other: 1 }].map(
      hashOf,
    );
    expect(new Set(hashes).size).toBe(4);
  });

  test("is over JSON with sorted keys", () => {
    expect(canonicalJson({ b: [1, { d: null, c: "é" }], a: true })).toBe('{"a":true,"b":[1,{"c":"é","d":null}]}');
  });
});

describe("numbers that a double does not hold", () => {
  const text = (orderId: string) => JSON.stringify(example()).replace(/}$/, `,"ticket_id":${orderId},"metadata":{"order_id":${orderId}}}`);

  test("keep every digit, in metadata and in unknown fields", () => {
    const parsed = parse(text("1234567890123456789"));
    if (!parsed.ok) throw new Error(parsed.message);
    const { metadata, unknown } = parsed.record;
    expect(JSON.stringify({ metadata, unknown })).toBe(
      '{"metadata":{"order_id":1234567890123456789},"unknown":{"ticket_id":1234567890123456789}}',
    );
  });

  test("make another version of a call when their last digit changes, and none when only their spelling does", () => {
    const hashes = ["1234567890123456789", "1234567890123456788", "1.234567890123456789e18"].map((number) => {
      const parsed = parse(text(number));
      return parsed.ok ? parsed.hash : "";
    });
    expect(new Set(hashes).size).toBe(2);
    expect(hashes[2]).toBe(hashes[0]);
  });

  test("are plain in documented fields: what the ingress accepts a worker reads", () => {
    const body = JSON.stringify(example()).replace('"duration_seconds":147', '"duration_seconds":147.00000000000000000001');
    expect(parse(body)).toMatchObject({ ok: true, record: { duration_seconds: 147 } });
  });
});
