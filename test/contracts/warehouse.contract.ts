import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { warehouse } from "../../connectors/warehouse/index.ts";
import type { WarehouseWith } from "../../connectors/warehouse/mapping.ts";
import { timeText } from "../../connectors/warehouse/record.ts";
import {
  canonicalJson,
  type Delivery,
  type OpenDestination,
  OpenError,
  parseJsonExactly,
  type SharedCall,
} from "../../src/connector/index.ts";
import { documentedCall as documented } from "../support/documented-call.ts";
import { type EXACT_NUMBERS, jsonOfNumbers, metadataOfNumbers } from "../support/exact-numbers.ts";

/** An empty database, and a way to it that is not ours. */
export interface WarehouseUnderTest {
  /** As in routes.yaml. */
  settings: Record<string, string>;
  /** Runs a statement in the engine's own words, as its administrator would. */
  run(sql: string): Promise<unknown>;
  /** Every word that the engine's own grammar knows, where it tells. */
  keyWords?(): Promise<string[]>;
  /** The table as somebody reads it who was told how: see {@link plainRow}. Undefined: there is none. */
  rows(table: string): Promise<Record<string, unknown>[] | undefined>;
  close(): Promise<void>;
}

/** Tables that somebody else made, in an engine's own words; or why there can be none. */
export type OtherTables = Record<
  "older" | "foreign" | "keyNotUnique" | "keyUniqueOtherwise" | "keyOfTwo" | "wrongType" | "mustBeFilled" | "refusing",
  string[] | { cannot: string }
>;

export interface EngineTraits {
  tables: OtherTables;
  /** Its name for a moment in time, as a message has it. */
  timeType: string;
  /** How a key column without uniqueness is mended there. */
  keyFix: RegExp;
  /** Whether the `refusing` table refuses a duration of 3,000,000,123 too: not every engine checks for overflow. */
  refusesOverflow?: true;
  /** Only the columns of the docs are read back, not those of routes. */
  readsOwnColumnsOnly?: true;
  /** Numbers that its JSON does not hold, which are kept as texts. */
  numbersAsTexts?: readonly (keyof typeof EXACT_NUMBERS)[];
}

const TIMES = new Set(["start_time", "end_time", "delivered_at", "updated_at"]);
const JSONS = new Set(["metadata", "extra"]);
const NUMBERS = new Set(["duration_seconds", "schema_version", "mine"]);

/** `2025-01-15T14:23:00.5Z` → `2025-01-15T14:23:00.500000Z`: texts that can be compared. */
const sixDigits = (time: string) => time.replace(/(?:\.(\d+))?Z$/, (_all, digits = "") => `.${digits.padEnd(6, "0")}Z`);

/** A row in one form for all engines: times as `2025-01-15T14:23:00.123456Z`, JSON read, whole numbers as numbers, null for what is not there. */
export function plainRow(row: Record<string, unknown>): Record<string, unknown> {
  const plain = (name: string, cell: unknown) => {
    if (cell === null || cell === undefined) return null;
    if (TIMES.has(name)) return sixDigits(timeText(String(cell).replace(/\+00(:00)?$/, "Z")) ?? String(cell));
    if (JSONS.has(name)) return typeof cell === "string" ? parseJsonExactly(cell) : cell;
    return NUMBERS.has(name) ? Number(cell) : cell;
  };
  return Object.fromEntries(Object.entries(row).map(([name, cell]) => [name.toLowerCase(), plain(name.toLowerCase(), cell)]));
}

/** Names that a statement might take for something else. */
const AWKWARD_NAMES =
  `t s r i o x value values key rows row line item incoming excluded calls order select group user table column end desc from null
  default primary index check limit offset using when then current day date time timestamp json text number key_ _ a1 rowid oid filename
  file_row_number kept new old true false case cast final _part _table patchbay_merged`.split(/\s+/);

/** Which columns `check` refuses at a destination, in its words. */
export function refusedNames(settings: Record<string, string>, columns: string[]): string[] {
  const parsed = warehouse.with.safeParse({ columns: Object.fromEntries(columns.map((name) => [name, "x"])) });
  const found =
    warehouse.checkWith?.({ with: { columns: Object.fromEntries(columns.map((name) => [name, "x"])) }, written: settings }) ?? [];
  return [...(parsed.error?.issues ?? []).map(({ path }) => String(path.at(-1))), ...found.map(({ path }) => String(path.at(-1)))];
}

/** The documented call, as a route with every `share` sees it. */
export function documentedCall(changes: Partial<SharedCall> = {}): SharedCall {
  return documented({ unknown: {}, ...changes });
}

export function deliveryOf(call: SharedCall, columns?: Record<string, string>): Delivery<WarehouseWith> {
  return {
    key: `${call.source}/${call.call_id}`,
    call,
    with: columns ? { columns } : {},
    previous: undefined,
    sinceAcceptedMs: 0,
    related: undefined,
  };
}

export function openWarehouse(settings: Record<string, string>, timeoutMs = 15_000): Promise<OpenDestination<WarehouseWith>> {
  return warehouse.open({ settings: warehouse.settings.parse(settings), timezone: "Europe/Berlin", timeoutMs });
}

/** What every warehouse promises, whatever database it is in. */
export function describeWarehouse(engine: string, traits: EngineTraits, setUp: () => Promise<WarehouseUnderTest>): void {
  describe(`a warehouse in ${engine}`, () => {
    let under: WarehouseUnderTest;
    const opened: OpenDestination<WarehouseWith>[] = [];

    beforeEach(async () => {
      under = await setUp();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((one) => one.close()));
      await under.close();
    });

    async function open(settings: Record<string, string> = {}): Promise<OpenDestination<WarehouseWith>> {
      const destination = await openWarehouse({ ...under.settings, ...settings });
      opened.push(destination);
      return destination;
    }
    const send = (to: OpenDestination<WarehouseWith>, ...deliveries: Delivery<WarehouseWith>[]) =>
      to.send(deliveries, { signal: AbortSignal.timeout(120_000) });

    const read = async (from: OpenDestination<WarehouseWith>, call: string) =>
      from.read?.({ key: `voiceinfra/${call}`, receipt: { id: `voiceinfra/${call}` } }, { signal: AbortSignal.timeout(120_000) });

    async function rows(table = "calls"): Promise<Record<string, unknown>[]> {
      const found = await under.rows(table);
      return (found ?? []).toSorted((a, b) => String(a.call_id).localeCompare(String(b.call_id)));
    }
    async function only(...names: string[]): Promise<Record<string, unknown>> {
      const found = await rows();
      expect(found).toHaveLength(1);
      return Object.fromEntries(names.map((name) => [name, found[0]?.[name]]));
    }
    async function openFails(settings: Record<string, string> = {}): Promise<Record<string, unknown>> {
      const error = await open(settings).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(OpenError);
      return { ...(error as OpenError).outcome };
    }

    /** A promise about a table that somebody else made; said to be none where an engine knows no such table. */
    function testOf(kind: keyof OtherTables, name: string, run: () => Promise<void>): void {
      const table = traits.tables[kind];
      const cannot = "cannot" in table ? ` (not in ${engine}: ${table.cannot})` : "";
      test.skipIf(cannot !== "")(`${name}${cannot}`, async () => {
        for (const sql of "cannot" in table ? [] : table) await under.run(sql);
        await run();
      });
    }

    test("a call that comes twice in a batch ends as the later one has it, beside the others", async () => {
      const destination = await open();
      const of = (call_id: string, summary: string) => deliveryOf(documentedCall({ call_id, summary }));
      const outcomes = await send(destination, of("a", "one"), of("b", "other"), of("a", "two"));
      expect(outcomes.map(({ kind }) => kind)).toEqual(["delivered", "delivered", "delivered"]);
      expect((await rows()).map(({ call_id, summary }) => [call_id, summary])).toEqual([
        ["a", "two"],
        ["b", "other"],
      ]);
    });

    test("the table is made when it is not there, and the documented call is in it", async () => {
      const destination = await open();
      expect(await send(destination, deliveryOf(documentedCall()))).toEqual([
        { kind: "delivered", receipt: { id: "voiceinfra/call_01HXYZ123456", extra: { table: expect.stringMatching(/\bcalls$/i) } } },
      ]);
      const [row, ...more] = await rows();
      expect(more).toEqual([]);
      const { delivered_at, updated_at, _version, ...told } = row ?? {};
      expect(told).toEqual({
        delivery_key: "voiceinfra/call_01HXYZ123456",
        source: "voiceinfra",
        call_id: "call_01HXYZ123456",
        agent_id: "agent_abc123",
        agent: "sales",
        direction: "inbound",
        from_number: "+14155550100",
        to_number: "+18005551234",
        customer_number: "+14155550100",
        call_outcome: "answered",
        start_time: "2025-01-15T14:23:00.000000Z",
        end_time: "2025-01-15T14:25:27.000000Z",
        duration_seconds: 147,
        recording_url: "https://recordings.voiceinfra.ai/call_01HXYZ123456.mp3",
        summary: "Customer called to inquire about January 15 appointment. Confirmed appointment at 2pm. No changes requested.",
        transcript: null,
        metadata: null,
        extra: null,
        schema_version: 1,
      });
      expect(Math.abs(Date.parse(String(delivered_at)) - Date.now())).toBeLessThan(60_000);
      expect(updated_at).toBe(delivered_at);
    });

    test("sending a call again makes no second row", async () => {
      const destination = await open();
      for (let time = 0; time < 3; time += 1) await send(destination, deliveryOf(documentedCall()));
      expect(await rows()).toHaveLength(1);
    });

    test("a late summary is filled in, and what a fuller record said is never blanked", async () => {
      const destination = await open();
      const full = documentedCall({ transcript: "Agent: hello", metadata: { campaign: "spring" }, unknown: { sentiment: "good" } });
      const { summary: _late, ...withoutSummary } = full;
      await send(destination, deliveryOf(withoutSummary as SharedCall));
      const first = await only("summary", "delivered_at");
      expect(first.summary).toBeNull();
      const withheld = documentedCall({ duration_seconds: 150, agent: "", summary: "Late summary." });
      delete withheld.from_number;
      delete withheld.recording_url;
      await send(destination, deliveryOf(withheld));
      const names = ["summary", "duration_seconds", "from_number", "recording_url", "transcript", "agent", "metadata", "extra"];
      expect(await only(...names)).toEqual({
        summary: "Late summary.",
        duration_seconds: 150,
        from_number: "+14155550100",
        recording_url: "https://recordings.voiceinfra.ai/call_01HXYZ123456.mp3",
        transcript: "Agent: hello",
        agent: "sales",
        metadata: { campaign: "spring" },
        extra: { sentiment: "good" },
      });
      const { delivered_at, updated_at } = await only("delivered_at", "updated_at");
      expect(delivered_at).toBe(first.delivered_at);
      expect(String(updated_at) > String(delivered_at)).toBe(true);
    });

    test("new calls, a later version of one, and one that is as it was go in one batch", async () => {
      const destination = await open();
      const before = ["a", "b"].map((call_id) => deliveryOf(documentedCall({ call_id, summary: `first of ${call_id}` })));
      await send(destination, ...before);
      const changed = deliveryOf(documentedCall({ call_id: "b", summary: "second of b" }));
      await send(destination, deliveryOf(documentedCall({ call_id: "c", summary: "first of c" })), changed, ...before.slice(0, 1));
      expect((await rows()).map(({ summary }) => summary)).toEqual(["first of a", "second of b", "first of c"]);
    });

    test("a row is read back as it stands there, in any script, and nothing where there is none", async () => {
      const destination = await open();
      const told = {
        start_time: "2025-01-15T14:23:00.123456Z",
        duration_seconds: 147.5,
        summary: "山田さん: Привет, „Grüße“ 👍",
        metadata: { 名前: ["ü", 1, null] },
      };
      await send(destination, deliveryOf(documentedCall({ call_id: "a" })), deliveryOf(documentedCall({ call_id: "b", ...told })));
      const row = await read(destination, "b");
      const plain = plainRow(row ?? {});
      expect(plain).toMatchObject({ delivery_key: "voiceinfra/b", call_id: "b", transcript: null, schema_version: 1, ...told });
      expect((await rows())[1]).toMatchObject(plain);
      // The names of the docs, also where the engine's own are capitals.
      expect(Object.keys(row ?? {})).toEqual(Object.keys(plain));
      expect(await read(destination, "never")).toBeUndefined();
    });

    test("a late summary is read back in the row that was there", async () => {
      const destination = await open();
      const { summary: _late, ...withoutSummary } = documentedCall({ call_id: "a", transcript: "Agent: hello" });
      await send(destination, deliveryOf(withoutSummary as SharedCall));
      expect(await read(destination, "a")).toMatchObject({ summary: null, transcript: "Agent: hello" });
      await send(destination, deliveryOf(documentedCall({ call_id: "a", summary: "Late summary." })));
      expect(await read(destination, "a")).toMatchObject({ summary: "Late summary.", transcript: "Agent: hello" });
    });

    test("a route's column of any name does not hide the row that is read back", async () => {
      const destination = await open();
      await send(destination, deliveryOf(documentedCall({ call_id: "a" }), { t: "x", row: "y", line: "z" }));
      expect(await read(destination, "a")).toMatchObject({ delivery_key: "voiceinfra/a", call_id: "a" });
    });

    test("a route's column may have any name that check takes: key words, and what statements use", async () => {
      const destination = await open();
      const words = [...AWKWARD_NAMES, ...((await under.keyWords?.()) ?? [])].map((word) => word.toLowerCase());
      const names = [...new Set(words)].filter((name) => refusedNames(under.settings, [name]).length === 0);
      const columns = Object.fromEntries(names.map((name) => [name, `of ${name}`]));
      for (const summary of ["First.", "Later."]) await send(destination, deliveryOf(documentedCall({ call_id: "a", summary }), columns));
      expect(await read(destination, "a")).toMatchObject(
        traits.readsOwnColumnsOnly ? { summary: "Later." } : { ...columns, summary: "Later." },
      );
      expect(await only("summary", ...names)).toEqual({ ...columns, summary: "Later." });
    });

    test("a table may have any name too", async () => {
      for (const table of ["order", "excluded", "temp", "t", "main"]) {
        await send(await open({ table }), deliveryOf(documentedCall({ summary: table })), deliveryOf(documentedCall({ call_id: "b" })));
        await send(await open({ table }), deliveryOf(documentedCall({ summary: `${table} again` })));
        expect((await rows(table)).map(({ summary }) => summary)).toContain(`${table} again`);
      }
    });

    test("erasing takes one row, says whether there was one, and leaves the others", async () => {
      const destination = await open();
      await send(destination, deliveryOf(documentedCall({ call_id: "a" })), deliveryOf(documentedCall({ call_id: "b" })));
      const erase = (call: string) =>
        destination.erase?.({ key: `voiceinfra/${call}`, receipt: { id: `voiceinfra/${call}` } }, { signal: AbortSignal.timeout(120_000) });
      expect([await erase("a"), await erase("a"), await erase("never")]).toEqual([true, false, false]);
      expect((await rows()).map(({ call_id }) => call_id)).toEqual(["b"]);
    });

    testOf("older", "an older table is widened, its rows and columns of others stay", async () => {
      const destination = await open();
      await send(destination, deliveryOf(documentedCall()), deliveryOf(documentedCall({ call_id: "old" })));
      expect((await rows()).map(({ call_id, mine, direction }) => ({ call_id, mine, direction }))).toEqual([
        { call_id: "call_01HXYZ123456", mine: null, direction: "inbound" },
        { call_id: "old", mine: 7, direction: "inbound" },
      ]);
    });

    testOf("foreign", "a table that somebody else made is not touched", async () => {
      expect(await openFails()).toMatchObject({ kind: "needs-fix", code: "foreign_table", fix: expect.stringContaining("`table`") });
      expect(await rows()).toEqual([]);
      await send(await open({ table: "voice_calls" }), deliveryOf(documentedCall()));
      expect((await rows("voice_calls")).map(({ call_id }) => call_id)).toEqual(["call_01HXYZ123456"]);
    });

    testOf("keyNotUnique", "a key column that keeps no row alone is said to lack what does", async () => {
      expect(await openFails()).toMatchObject({ code: "key_not_unique", fix: expect.stringMatching(traits.keyFix) });
    });

    testOf("keyUniqueOtherwise", "a key column with a unique constraint is as good as a primary key", async () => {
      expect((await send(await open(), deliveryOf(documentedCall()))).map(({ kind }) => kind)).toEqual(["delivered"]);
    });

    testOf("keyOfTwo", "a key of two columns is none of ours", async () => {
      expect(await openFails()).toMatchObject({ code: "key_not_unique" });
    });

    testOf("wrongType", "a column of a type that cannot hold our values is named, and nothing is changed", async () => {
      expect(await openFails()).toMatchObject({
        kind: "needs-fix",
        code: "column_type",
        reason: expect.stringMatching(/calls\.start_time is \w+, which cannot hold a time$/i),
        fix: `Change it to ${traits.timeType}, rename it, or name another table with \`table\``,
      });
      expect(Object.keys((await rows())[0] ?? { delivery_key: "", start_time: 1 })).toEqual(["delivery_key", "start_time"]);
    });

    testOf("mustBeFilled", "a column that must not be null and that nothing fills is named", async () => {
      expect(await openFails()).toMatchObject({ code: "column_not_null", reason: expect.stringMatching(/calls\.region/i) });
    });

    test("a route's own columns are added when they are first used, and blanked by nothing", async () => {
      const destination = await open();
      await send(destination, deliveryOf(documentedCall(), { campaign: "spring", region: "EU" }));
      await send(destination, deliveryOf(documentedCall(), { campaign: "", tier: "gold" }));
      expect(await only("campaign", "region", "tier")).toEqual({ campaign: "spring", region: "EU", tier: "gold" });
    });

    test("500 calls go in one batch, each answered in its place", async () => {
      const destination = await open();
      const deliveries = Array.from({ length: 500 }, (_, index) => deliveryOf(documentedCall({ call_id: `call_${index}` })));
      const outcomes = await send(destination, ...deliveries);
      expect(outcomes.map((outcome) => outcome.kind === "delivered" && outcome.receipt.id)).toEqual(deliveries.map(({ key }) => key));
      expect(new Set((await rows()).map(({ delivery_key }) => delivery_key)).size).toBe(500);
    });

    test("a long transcript is kept whole, also several in a batch", async () => {
      const destination = await open();
      const transcript = 'Grüße 👍 "said" '.repeat(60_000);
      const deliveries = Array.from({ length: 6 }, (_, index) => deliveryOf(documentedCall({ call_id: `call_${index}`, transcript })));
      expect((await send(destination, ...deliveries)).map(({ kind }) => kind)).toEqual(Array(6).fill("delivered"));
      const kept = await rows();
      expect(kept).toHaveLength(6);
      // Compared by hand: a failure would print megabytes.
      expect(kept.every((row) => row.transcript === transcript)).toBe(true);
    });

    testOf("refusing", "a row that the table refuses is refused alone, without its values in the reason", async () => {
      const destination = await open();
      const deliveries = Array.from({ length: 40 }, (_, index) => deliveryOf(documentedCall({ call_id: `call_${index}` })));
      if (traits.refusesOverflow) deliveries[7] = deliveryOf(documentedCall({ call_id: "call_7", duration_seconds: 3_000_000_123 }));
      deliveries[31] = deliveryOf(documentedCall({ call_id: "call_31", agent_id: `forbidden_${"x".repeat(20)}` }));
      const outcomes = await send(destination, ...deliveries);
      expect(outcomes.flatMap(({ kind }, index) => (kind === "delivered" ? [] : [`${index} ${kind}`]))).toEqual([
        ...(traits.refusesOverflow ? ["7 rejected"] : []),
        "31 rejected",
      ]);
      expect(JSON.stringify([outcomes[7], outcomes[31]])).not.toMatch(/3000000123|forbidden|\+1415/);
      if (traits.refusesOverflow) expect(outcomes[7]).toMatchObject({ reason: expect.stringMatching(/fit/) });
      expect(outcomes[31]).toMatchObject({ reason: expect.stringMatching(/constraint|fit/) });
      expect(await rows()).toHaveLength(traits.refusesOverflow ? 38 : 39);
    });

    test("a time that cannot be read refuses its own row, and names the field", async () => {
      const destination = await open();
      const outcomes = await send(
        destination,
        deliveryOf(documentedCall({ call_id: "a", end_time: "yesterday" })),
        deliveryOf(documentedCall({ call_id: "b" })),
        deliveryOf(documentedCall({ call_id: "c", start_time: "2025-02-30T10:00:00Z" })),
        deliveryOf(documentedCall({ call_id: "d", duration_seconds: Number.NaN })),
        // In UTC a year that no database reads: 10000, and 0.
        deliveryOf(documentedCall({ call_id: "e", start_time: "9999-12-31T23:59:59-05:00" })),
        deliveryOf(documentedCall({ call_id: "f", end_time: "0001-01-01T00:00:00+05:00" })),
      );
      expect(outcomes).toEqual([
        { kind: "rejected", code: "unreadable_value", reason: "end_time is not a time that a database can keep" },
        expect.objectContaining({ kind: "delivered" }),
        { kind: "rejected", code: "unreadable_value", reason: "start_time is not a time that a database can keep" },
        { kind: "rejected", code: "unreadable_value", reason: "duration_seconds is not a number that a database can keep" },
        { kind: "rejected", code: "unreadable_value", reason: "start_time is not a time that a database can keep" },
        { kind: "rejected", code: "unreadable_value", reason: "end_time is not a time that a database can keep" },
      ]);
      expect((await rows()).map(({ call_id }) => call_id)).toEqual(["b"]);
    });

    test("without a zone a time is UTC, and fractions of a second are kept to the microsecond", async () => {
      const times = [
        ["2025-01-15T14:23:00", "2025-01-15T14:23:00Z"],
        ["2025-01-15 14:23", "2025-01-15T14:23:00Z"],
        ["2025-01-15", "2025-01-15T00:00:00Z"],
        ["2025-01-15T14:23:00+0530", "2025-01-15T08:53:00Z"],
        ["2025-01-15T14:23:00-08", "2025-01-15T22:23:00Z"],
        ["2025-01-15T14:23:00.123456789Z", "2025-01-15T14:23:00.123456Z"],
        ["2025-01-15T23:59:59.999999Z", "2025-01-15T23:59:59.999999Z"],
      ];
      const sent = times.map(([start_time = ""], index) => deliveryOf(documentedCall({ call_id: `call_${index}`, start_time })));
      await send(await open(), ...sent);
      expect((await rows()).map(({ start_time }) => start_time)).toEqual(times.map(([, meant = ""]) => sixDigits(meant)));
    });

    test("a duration is kept exactly, however odd", async () => {
      const durations = [0, 0.5, 2_147_483_648, 9_007_199_254_740_991, 1e300];
      const sent = durations.map((duration_seconds, index) => deliveryOf(documentedCall({ call_id: `call_${index}`, duration_seconds })));
      await send(await open(), ...sent);
      expect((await rows()).map(({ duration_seconds }) => Number(duration_seconds))).toEqual(durations);
    });

    test.each([
      ["quotes", `O'Brien said "no" \\ \`x\` {a,b}; DROP TABLE calls; -- $1 ? @rows {key:String}`],
      ["a spreadsheet formula", "=cmd|' /C calc'!A0"],
      ["emoji and scripts", "👩‍👩‍👧‍👦 山田さん Jäger \u{1F600}"],
      ["lines and tabs", "one\r\n\ttwo\u0001"],
      ["the word NULL", "NULL"],
    ])("%s: the text is kept exactly", async (_what, text) => {
      await send(await open(), deliveryOf(documentedCall({ summary: text, metadata: { [text]: [text] } }), { note: text }));
      expect(await only("summary", "note", "metadata")).toEqual({ summary: text, note: text, metadata: { [text]: [text] } });
    });

    test("what no database keeps is taken out of a text: NUL, and halves of a character", async () => {
      const delivery = deliveryOf(documentedCall({ summary: "a\u0000b\ud800c", metadata: { "k\u0000": ["v\u0000\udc00"] } }));
      expect((await send(await open(), delivery)).map(({ kind }) => kind)).toEqual(["delivered"]);
      expect(await only("summary", "metadata")).toEqual({ summary: "ab\ufffdc", metadata: { k: ["v\ufffd"] } });
    });

    test("metadata is kept as it came, and fields that are not documented beside it", async () => {
      const metadata = { campaign: "spring", deep: { list: [1, 2.5, null, true, { three: "x" }] } };
      await send(await open(), deliveryOf(documentedCall({ metadata, unknown: { sentiment: { score: 0.7 } } })));
      expect(await only("metadata", "extra")).toEqual({ metadata, extra: { sentiment: { score: 0.7 } } });
    });

    test("numbers that a double does not hold keep every digit, in metadata and in fields that are not documented", async () => {
      const destination = await open();
      await send(destination, deliveryOf(documentedCall(metadataOfNumbers())));
      const expected = parseJsonExactly(jsonOfNumbers({ asTexts: traits.numbersAsTexts ?? [] }));
      const extra = parseJsonExactly('{"ticket_id":12345678901234567890}');
      for (const row of [await only("metadata", "extra"), plainRow((await read(destination, "call_01HXYZ123456")) ?? {})]) {
        expect(canonicalJson([row.metadata, row.extra])).toBe(canonicalJson([expected, extra]));
      }
    });

    test("several workers make one table, and write side by side", async () => {
      const workers = await Promise.all([open(), open(), open(), open()]);
      const sent = await Promise.all(
        workers.map((worker, index) => send(worker, deliveryOf(documentedCall({ call_id: `call_${index}` }), { [`of_${index}`]: "x" }))),
      );
      expect(sent.flat().map(({ kind }) => kind)).toEqual(Array(4).fill("delivered"));
      expect(await rows()).toHaveLength(4);
    });
  });
}
