import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WarehouseWith } from "../connectors/warehouse/columns.ts";
import { warehouse } from "../connectors/warehouse/index.ts";
import { type Delivery, type OpenDestination, OpenError, type SharedCall } from "../src/connector.ts";
import { documentedCall as documented } from "./support/documented-call.ts";

/** An empty database, and a way to it that is not ours. */
export interface WarehouseUnderTest {
  /** As in routes.yaml. */
  settings: Record<string, string>;
  /** Runs SQL that both engines understand; rows as objects. */
  query(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
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
export function describeWarehouse(engine: string, setUp: () => Promise<WarehouseUnderTest>): void {
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
      to.send(deliveries, { signal: AbortSignal.timeout(15_000) });
    async function cell(sql: string): Promise<unknown> {
      const rows = await under.query(`SELECT ${sql} AS cell FROM calls`);
      expect(rows).toHaveLength(1);
      return rows[0]?.cell;
    }
    async function openFails(settings: Record<string, string> = {}): Promise<Record<string, unknown>> {
      const error = await open(settings).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(OpenError);
      return { ...(error as OpenError).outcome };
    }

    test("the table is made when it is not there, and the documented call is in it", async () => {
      const destination = await open();
      expect(await send(destination, deliveryOf(documentedCall()))).toEqual([
        { kind: "delivered", receipt: { id: "voiceinfra/call_01HXYZ123456", extra: { table: "calls" } } },
      ]);
      const rows = await under.query(
        `SELECT delivery_key, source, call_id, agent_id, agent, direction, from_number, to_number, customer_number, call_outcome,
           CAST(extract(epoch FROM start_time) AS integer) AS start_s, CAST(extract(epoch FROM end_time) AS integer) AS end_s,
           duration_seconds, recording_url, summary, transcript, metadata, extra, schema_version,
           delivered_at IS NOT NULL AND delivered_at = updated_at AS is_new FROM calls`,
      );
      expect(rows).toEqual([
        {
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
          start_s: Date.parse("2025-01-15T14:23:00Z") / 1000,
          end_s: Date.parse("2025-01-15T14:25:27Z") / 1000,
          duration_seconds: 147,
          recording_url: "https://recordings.voiceinfra.ai/call_01HXYZ123456.mp3",
          summary: "Customer called to inquire about January 15 appointment. Confirmed appointment at 2pm. No changes requested.",
          transcript: null,
          metadata: null,
          extra: null,
          schema_version: 1,
          is_new: true,
        },
      ]);
    });

    test("sending a call again makes no second row", async () => {
      const destination = await open();
      for (let time = 0; time < 3; time += 1) await send(destination, deliveryOf(documentedCall()));
      expect(await cell("count(*)")).toSatisfy((count) => Number(count) === 1);
    });

    test("a late summary is filled in, and what a fuller record said is never blanked", async () => {
      const destination = await open();
      const full = documentedCall({ transcript: "Agent: hello", metadata: { campaign: "spring" }, unknown: { sentiment: "good" } });
      const { summary: _late, ...withoutSummary } = full;
      await send(destination, deliveryOf(withoutSummary as SharedCall));
      expect(await cell("summary")).toBeNull();
      const withheld = documentedCall({ duration_seconds: 150, agent: "", summary: "Late summary." });
      delete withheld.from_number;
      delete withheld.recording_url;
      await send(destination, deliveryOf(withheld));
      const [row] = await under.query(
        `SELECT summary, duration_seconds, from_number, recording_url, transcript, agent, CAST(metadata AS varchar) AS metadata,
           CAST(extra AS varchar) AS extra, updated_at > delivered_at AS updated FROM calls`,
      );
      expect({ ...row, metadata: JSON.parse(String(row?.metadata)), extra: JSON.parse(String(row?.extra)) }).toEqual({
        summary: "Late summary.",
        duration_seconds: 150,
        from_number: "+14155550100",
        recording_url: "https://recordings.voiceinfra.ai/call_01HXYZ123456.mp3",
        transcript: "Agent: hello",
        agent: "sales",
        metadata: { campaign: "spring" },
        extra: { sentiment: "good" },
        updated: true,
      });
    });

    test("an older table is widened, its rows stay", async () => {
      await under.query("CREATE TABLE calls (delivery_key varchar PRIMARY KEY, call_id varchar, mine integer)");
      await under.query("INSERT INTO calls VALUES ('voiceinfra/old', 'old', 7)");
      const destination = await open();
      await send(destination, deliveryOf(documentedCall()), deliveryOf(documentedCall({ call_id: "old" })));
      expect(await under.query("SELECT call_id, mine, direction FROM calls ORDER BY call_id")).toEqual([
        { call_id: "call_01HXYZ123456", mine: null, direction: "inbound" },
        { call_id: "old", mine: 7, direction: "inbound" },
      ]);
    });

    test("a table that somebody else made is not touched", async () => {
      await under.query("CREATE TABLE calls (id integer, note varchar)");
      expect(await openFails()).toMatchObject({ kind: "unauthorized", code: "foreign_table", fix: expect.stringContaining("`table`") });
      expect(await under.query("SELECT * FROM calls")).toEqual([]);
      await send(await open({ table: "voice_calls" }), deliveryOf(documentedCall()));
      expect(await under.query("SELECT call_id FROM voice_calls")).toEqual([{ call_id: "call_01HXYZ123456" }]);
    });

    test("a key column without a unique constraint is said to lack one", async () => {
      await under.query("CREATE TABLE calls (delivery_key varchar, call_id varchar)");
      expect(await openFails()).toMatchObject({ code: "key_not_unique", fix: "Run: ALTER TABLE calls ADD PRIMARY KEY (delivery_key)" });
    });

    test("a key column with a unique constraint is as good as a primary key, one of two columns is not", async () => {
      await under.query("CREATE TABLE calls (delivery_key varchar UNIQUE)");
      expect((await send(await open(), deliveryOf(documentedCall()))).map(({ kind }) => kind)).toEqual(["delivered"]);
      await under.query("CREATE TABLE pairs (delivery_key varchar, call_id varchar, PRIMARY KEY (delivery_key, call_id))");
      expect(await openFails({ table: "pairs" })).toMatchObject({ code: "key_not_unique" });
    });

    test("a column of a type that cannot hold our values is named, and nothing is changed", async () => {
      await under.query("CREATE TABLE calls (delivery_key varchar PRIMARY KEY, start_time integer)");
      expect(await openFails()).toEqual({
        kind: "unauthorized",
        code: "column_type",
        reason: "calls.start_time is integer, which cannot hold a time",
        fix: "Change it to timestamp with time zone, rename it, or name another table with `table`",
      });
      await expect(under.query("SELECT call_id FROM calls")).rejects.toThrow();
    });

    test("a column that must not be null and that nothing fills is named", async () => {
      await under.query(
        "CREATE TABLE calls (delivery_key varchar PRIMARY KEY, region varchar NOT NULL, fine varchar NOT NULL DEFAULT 'x')",
      );
      expect(await openFails()).toMatchObject({ code: "column_not_null", reason: expect.stringContaining("calls.region") });
    });

    test("a route's own columns are added when they are first used, and blanked by nothing", async () => {
      const destination = await open();
      await send(destination, deliveryOf(documentedCall(), { campaign: "spring", region: "EU" }));
      await send(destination, deliveryOf(documentedCall(), { campaign: "", tier: "gold" }));
      expect(await under.query("SELECT campaign, region, tier FROM calls")).toEqual([{ campaign: "spring", region: "EU", tier: "gold" }]);
    });

    test("a column name cannot be one of ours, nor need quotes", () => {
      const names = (columns: Record<string, string>) => warehouse.with.safeParse({ columns }).success;
      expect(names({ campaign: "" })).toBe(true);
      for (const name of ["summary", "delivery_key", "updated_at", "Campaign", 'a"; DROP TABLE calls; --', "a b", ""]) {
        expect({ name, taken: names({ [name]: "" }) }).toEqual({ name, taken: false });
      }
    });

    test("500 calls go in one batch, each answered in its place", async () => {
      const destination = await open();
      const deliveries = Array.from({ length: 500 }, (_, index) => deliveryOf(documentedCall({ call_id: `call_${index}` })));
      const outcomes = await send(destination, ...deliveries);
      expect(outcomes.map((outcome) => outcome.kind === "delivered" && outcome.receipt.id)).toEqual(deliveries.map(({ key }) => key));
      expect(Number((await under.query("SELECT count(DISTINCT delivery_key) AS n FROM calls"))[0]?.n)).toBe(500);
    });

    test("a long transcript is kept whole, also several in a batch", async () => {
      const destination = await open();
      const transcript = "Grüße 👍 ".repeat(100_000);
      const deliveries = Array.from({ length: 6 }, (_, index) => deliveryOf(documentedCall({ call_id: `call_${index}`, transcript })));
      expect((await send(destination, ...deliveries)).map(({ kind }) => kind)).toEqual(Array(6).fill("delivered"));
      const [row] = await under.query("SELECT count(*) AS n, min(length(transcript)) AS shortest FROM calls");
      expect({ n: Number(row?.n), shortest: Number(row?.shortest) }).toEqual({ n: 6, shortest: [...transcript].length });
    });

    test("a row that the table refuses is refused alone, without its values in the reason", async () => {
      await under.query(
        "CREATE TABLE calls (delivery_key varchar PRIMARY KEY, duration_seconds integer, agent_id varchar CHECK (agent_id <> 'forbidden'))",
      );
      const destination = await open();
      const deliveries = Array.from({ length: 40 }, (_, index) => deliveryOf(documentedCall({ call_id: `call_${index}` })));
      deliveries[7] = deliveryOf(documentedCall({ call_id: "call_7", duration_seconds: 3_000_000_123 }));
      deliveries[31] = deliveryOf(documentedCall({ call_id: "call_31", agent_id: "forbidden" }));
      const outcomes = await send(destination, ...deliveries);
      expect(outcomes.flatMap(({ kind }, index) => (kind === "delivered" ? [] : [`${index} ${kind}`]))).toEqual([
        "7 rejected",
        "31 rejected",
      ]);
      expect(JSON.stringify([outcomes[7], outcomes[31]])).not.toMatch(/3000000123|forbidden|\+1415/);
      expect(outcomes[7]).toMatchObject({ reason: expect.stringMatching(/fit/) });
      expect(outcomes[31]).toMatchObject({ reason: expect.stringMatching(/constraint/) });
      expect(Number((await under.query("SELECT count(*) AS n FROM calls"))[0]?.n)).toBe(38);
    });

    test("a time that cannot be read refuses its own row, and names the field", async () => {
      const destination = await open();
      const outcomes = await send(
        destination,
        deliveryOf(documentedCall({ call_id: "a", end_time: "yesterday" })),
        deliveryOf(documentedCall({ call_id: "b" })),
        deliveryOf(documentedCall({ call_id: "c", start_time: "2025-02-30T10:00:00Z" })),
        deliveryOf(documentedCall({ call_id: "d", duration_seconds: Number.NaN })),
      );
      expect(outcomes).toEqual([
        { kind: "rejected", code: "unreadable_value", reason: "end_time is not a time that a database can keep" },
        expect.objectContaining({ kind: "delivered" }),
        { kind: "rejected", code: "unreadable_value", reason: "start_time is not a time that a database can keep" },
        { kind: "rejected", code: "unreadable_value", reason: "duration_seconds is not a number that a database can keep" },
      ]);
      expect(await under.query("SELECT call_id FROM calls")).toEqual([{ call_id: "b" }]);
    });

    test.each([
      ["2025-01-15T14:23:00", "2025-01-15T14:23:00Z"],
      ["2025-01-15 14:23", "2025-01-15T14:23:00Z"],
      ["2025-01-15", "2025-01-15T00:00:00Z"],
      ["2025-01-15T14:23:00+0530", "2025-01-15T08:53:00Z"],
      ["2025-01-15T14:23:00-08", "2025-01-15T22:23:00Z"],
    ])("%s is %s: without a zone a time is UTC", async (written, meant) => {
      await send(await open(), deliveryOf(documentedCall({ start_time: written })));
      expect(Number(await cell("CAST(extract(epoch FROM start_time) AS double precision)"))).toBe(Date.parse(meant) / 1000);
    });

    test("fractions of a second are kept to the microsecond", async () => {
      await send(await open(), deliveryOf(documentedCall({ start_time: "2025-01-15T14:23:00.123456789Z" })));
      expect(Number(await cell("CAST(extract(microseconds FROM start_time) AS integer)"))).toBe(123456);
    });

    test.each([0, 0.5, 2_147_483_648, 9_007_199_254_740_991, 1e300])(
      "a duration of %d seconds is kept exactly",
      async (duration_seconds) => {
        await send(await open(), deliveryOf(documentedCall({ duration_seconds })));
        expect(await cell("duration_seconds")).toBe(duration_seconds);
      },
    );

    test.each([
      ["quotes", `O'Brien said "no" \\ \`x\` {a,b}; DROP TABLE calls; --`],
      ["a spreadsheet formula", "=cmd|' /C calc'!A0"],
      ["emoji and scripts", "👩‍👩‍👧‍👦 山田さん Jäger \u{1F600}"],
      ["lines and tabs", "one\r\n\ttwo\u0001"],
      ["the word NULL", "NULL"],
    ])("%s: the text is kept exactly", async (_what, text) => {
      await send(await open(), deliveryOf(documentedCall({ summary: text, metadata: { [text]: [text] } }), { mine: text }));
      expect(await cell("summary")).toBe(text);
      expect(await cell("mine")).toBe(text);
      expect(JSON.parse(String(await cell("CAST(metadata AS varchar)")))).toEqual({ [text]: [text] });
    });

    test("what no database keeps is taken out of a text: NUL, and halves of a character", async () => {
      const delivery = deliveryOf(documentedCall({ summary: "a\u0000b\ud800c", metadata: { "k\u0000": ["v\u0000\udc00"] } }));
      expect((await send(await open(), delivery)).map(({ kind }) => kind)).toEqual(["delivered"]);
      expect(await cell("summary")).toBe("ab\ufffdc");
      expect(JSON.parse(String(await cell("CAST(metadata AS varchar)")))).toEqual({ k: ["v\ufffd"] });
    });

    test("metadata is kept as it came, and fields that are not documented beside it", async () => {
      const metadata = { campaign: "spring", deep: { list: [1, 2.5, null, true, { three: "x" }] } };
      await send(await open(), deliveryOf(documentedCall({ metadata, unknown: { sentiment: { score: 0.7 } } })));
      expect(JSON.parse(String(await cell("CAST(metadata AS varchar)")))).toEqual(metadata);
      expect(JSON.parse(String(await cell("CAST(extra AS varchar)")))).toEqual({ sentiment: { score: 0.7 } });
    });

    test("several workers make one table, and write side by side", async () => {
      const workers = await Promise.all([open(), open(), open(), open()]);
      const sent = await Promise.all(
        workers.map((worker, index) => send(worker, deliveryOf(documentedCall({ call_id: `call_${index}` }), { [`of_${index}`]: "x" }))),
      );
      expect(sent.flat().map(({ kind }) => kind)).toEqual(Array(4).fill("delivered"));
      expect(Number((await under.query("SELECT count(*) AS n FROM calls"))[0]?.n)).toBe(4);
    });
  });
}
