/** The embedded log: one SQLite file, one partition per topic, group commit. The contract is `src/log/log.ts`. */
import { resolve } from "node:path";
import { LogUnavailableError } from "../../errors.ts";
import { copySqlite } from "../../lib/sqlite/copy.ts";
import { inTransaction, type OpenSqliteOptions, openSqlite } from "../../lib/sqlite/open.ts";
import type { Log } from "../log.ts";
import { createAppender } from "./append.ts";
import { announceChange, pollChanges } from "./change-poller.ts";
import { createGroups } from "./groups.ts";
import { createLeaseRenewer, LEASE_MS } from "./lease-renewer.ts";
import { createMember, type Member } from "./member.ts";
import { createReader } from "./read.ts";
import { APPLICATION, MIGRATIONS, NOW_MS } from "./schema.ts";
import { createTrimmer } from "./trim.ts";
import { unavailable } from "./unavailable.ts";

/** @throws {UsageError} when the file cannot be opened, saying why and what to do. */
export async function openSqliteLog(options: Pick<OpenSqliteOptions, "path" | "beforeMigration" | "mustExist" | "access">): Promise<Log> {
  const name = `sqlite:${options.path}`;
  const path = resolve(options.path);
  const db = openSqlite({ ...options, application: APPLICATION, migrations: MIGRATIONS });
  const members = new Set<Member>();
  const reader = createReader(db);
  const groups = createGroups({ db, leaseMs: LEASE_MS });
  const appender = createAppender({ db, name, onAppended: () => announceChange(path) });
  const changes = pollChanges({
    db,
    path,
    onChange() {
      for (const member of members) member.wake();
    },
  });
  const renewer = createLeaseRenewer({ groups, members });
  const identity = db.prepare("SELECT value FROM meta WHERE name = 'identity'");
  const touch = db.prepare(`UPDATE meta SET value = ${NOW_MS} WHERE name = 'checked_at'`);
  let closing: Promise<void> | undefined;

  return {
    name,
    engine: "sqlite",
    file: {
      path,
      version: MIGRATIONS.length,
      // An owner of a lease in the log owns none in the copy.
      copy: (copy) => copySqlite({ from: path, change: "UPDATE consumer_groups SET owner = NULL, leased_until = 0", ...copy }),
    },
    append: appender.append,
    async subscribe(subscribe) {
      const member = createMember({
        groups,
        reader,
        subscribe,
        onStopped() {
          members.delete(member);
          // A member that stands by in this process need not wait for the next beat.
          for (const other of members) other.tryToHold();
        },
      });
      members.add(member);
      member.tryToHold();
      return member.subscription;
    },
    read: reader.read,
    ranges: reader.ranges,
    offsetsAt: reader.offsetsAt,
    ...createTrimmer({ db, path }),
    committed: async (query) => groups.committed(query),
    async placeGroup({ group, topic, positions }) {
      const offset = positions.find(({ partition }) => partition === 0)?.offset;
      if (offset !== undefined && !groups.place({ topic, group, offset }))
        throw new LogUnavailableError(`${name}: a process holds the group ${group}`);
    },
    identity: async () => String(identity.get()?.value),
    async check() {
      try {
        inTransaction(db, () => touch.run());
      } catch (error) {
        throw unavailable(name, error);
      }
    },
    close() {
      closing ??= (async () => {
        await appender.close();
        await Promise.all([...members].map(({ subscription }) => subscription.stop({ graceMs: 0 })));
        renewer.stop();
        changes.stop();
        db.close();
      })();
      return closing;
    },
  };
}
