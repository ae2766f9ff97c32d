import { randomUUID } from "node:crypto";
import { describe, expect, inject, test } from "vitest";
import { UnreachableError } from "../../src/errors.ts";
import { openPostgresLedger } from "../../src/ledger/postgres/index.ts";
import { verifyActions } from "../../src/operations/verify-actions.ts";
import { describePostgresLedger } from "../contracts/postgres-ledger.contract.ts";
import { queryPostgres } from "../support/query-postgres.ts";

const postgres = inject("postgres");

if ("missing" in postgres) {
  test.skip(`PostgreSQL: SKIPPED, ${postgres.missing}`);
} else {
  const { url } = postgres;
  const schema = `ledger_${randomUUID().replaceAll("-", "")}`;
  const query = (text: string) => queryPostgres(url, text);

  describePostgresLedger({ name: "PostgreSQL", url: () => url });

  describe("the ledger on PostgreSQL, by itself", () => {
    test("one of a newer program is refused, naming both versions", async () => {
      const other = `${schema}_newer`;
      await (await openPostgresLedger({ url: `${url}?schema=${other}` })).close();
      await query(`UPDATE "${other}".patchbay_ledger_version SET version = 99`);
      await expect(openPostgresLedger({ url: `${url}?schema=${other}` })).rejects.toThrow(/newer.*99.*6/s);
      await query(`DROP SCHEMA "${other}" CASCADE`);
    });

    test("one of version 3 keeps what it knows: the same content is no new version, and no bare hash of it is left", async () => {
      const older = `${schema}_v3`;
      const open = () => openPostgresLedger({ url: `${url}?schema=${older}` });
      await (await open()).close();
      const hash = "ab".repeat(32);
      await query(`SET search_path = "${older}";
        ALTER TABLE deliveries DROP COLUMN versions, DROP COLUMN returned, DROP COLUMN returned_at;
        ALTER TABLE actions DROP COLUMN seq, DROP COLUMN by_system, DROP COLUMN seal;
        ALTER TABLE lost_ranges DROP COLUMN kind, DROP COLUMN reason, DROP COLUMN accepted_at;
        INSERT INTO actions VALUES (20, 'bob', 'crm', 'pause', 'why'), (10, 'ann', 'crm', 'pause', 'why');
        DROP TABLE log_ends; DELETE FROM meta WHERE key = 'fingerprint_key'; UPDATE patchbay_ledger_version SET version = 3;
        INSERT INTO deliveries (route, source, call_id, state, log_partition, log_offset, hash, accepted_at, updated_at, receipt)
        VALUES ('r', 's', 'c', 'delivered', 0, 1, '${hash}', 1, 1, '{"id":"1"}')`);
      const ledger = await open();
      const record = { route: "r", source: "s", callId: "c", partition: 0, offset: 2, hash, acceptedAt: 2 };
      expect(await ledger.claim({ worker: "w", leaseMs: 1, items: [record] })).toEqual([{ kind: "done", state: "delivered" }]);
      const [proof] = await ledger.proofs({ route: "r", keys: [{ source: "s", callId: "c" }] });
      expect(proof?.hash).toBe(ledger.fingerprint(hash));
      expect(proof?.hash).not.toBe(hash);
      await ledger.note({ by: "cleo", route: "crm", action: "resume", detail: "" });
      expect((await ledger.sealedActions({ after: 0, limit: 10 })).map(({ seq, by }) => `${seq} ${by}`)).toEqual([
        "1 ann",
        "2 bob",
        "3 cleo",
      ]);
      expect((await verifyActions({ ledger })).faults).toEqual([]);
      await ledger.close();
      await query(`DROP SCHEMA "${older}" CASCADE`);
    });

    test("a server that does not answer is named, without the password", async () => {
      const error = await openPostgresLedger({ url: "postgres://user:hunter2@127.0.0.1:1/patchbay" }).catch((reason) => reason);
      expect(error).toBeInstanceOf(UnreachableError);
      expect(error.message).toContain("127.0.0.1:1");
      expect(`${error.message} ${error.hint} ${error.stack}`).not.toContain("hunter2");
    });

    test("a wrong password says so", async () => {
      const wrong = new URL(url);
      wrong.password = "hunter2";
      await expect(openPostgresLedger({ url: wrong.href })).rejects.toThrow("refuses the user or the password");
    });

    test("a newer program may widen the table while we run", async () => {
      const name = `${schema}_widened`;
      const ledger = await openPostgresLedger({ url: `${url}?schema=${name}` });
      const place = { route: "r", source: "s", partition: 0, hash: "h", acceptedAt: 1 };
      // More often than a statement is planned anew, on all connections.
      const calls = Array.from({ length: 40 }, (_, offset) => ({ ...place, callId: `c${offset}`, offset }));
      const carry = async (item: (typeof calls)[number]) => {
        const [answer] = await ledger.claim({ worker: "w", leaseMs: 60_000, items: [item] });
        if (answer?.kind !== "claimed") throw new Error(`not claimed: ${answer?.kind}`);
        const settlement = { kind: "delivered" as const, receipt: { id: item.callId }, sentFields: [] };
        const settled = await ledger.settle([{ ...item, claimId: answer.claim.claimId, settlement, routesVersion: "v1" }]);
        const skipped = await ledger.skip([{ ...item, callId: `skipped-${item.callId}`, reason: "when is false", routesVersion: "v1" }]);
        return [settled, skipped];
      };
      await Promise.all(calls.slice(0, 20).map(carry));
      await query(`ALTER TABLE "${name}".deliveries ADD COLUMN newer integer NOT NULL DEFAULT 0`);
      expect(await Promise.all(calls.slice(20).map(carry))).toEqual(calls.slice(20).map(() => [[true], ["done"]]));
      await ledger.close();
      await query(`DROP SCHEMA "${name}" CASCADE`);
    });

    test("connections that the server ended are replaced by the next call", async () => {
      const ledger = await openPostgresLedger({ url: `${url}?schema=${schema}` });
      await ledger.check();
      await query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'patchbay' AND pid <> pg_backend_pid()");
      await expect
        .poll(() =>
          ledger.check().then(
            () => "answers",
            () => "not yet",
          ),
        )
        .toBe("answers");
      await ledger.close();
    });
  });
}
