import { z } from "zod";
import type { Session } from "../client.ts";
import { listed, query } from "../soql.ts";
import type { Candidate } from "./find.ts";
import type { PersonKind } from "./phone-fields.ts";

const id = z.string().nullish();
const goneRow = z.object({ Id: z.string(), MasterRecordId: id, ConvertedContactId: id });
const heirRow = z.object({ Id: z.string(), Name: id, OwnerId: id, AccountId: id });

const OWN_COLUMNS: Record<PersonKind, string[]> = { Contact: ["AccountId"], Lead: [], Account: [] };

/**
 * Who took the place of each of these people, by the id of the one who is gone: the Contact that a Lead became, the record that was kept in a merge
 * ("If this object was deleted as the result of a merge, this field contains the ID of the record that was kept", MasterRecordId). The search index
 * learns of it some seconds later. Somebody who was simply deleted has none. Never throws: then it is not known.
 */
export async function heirsOf(options: {
  people: readonly Pick<Candidate, "kind" | "id">[];
  session: Session;
  signal: AbortSignal;
}): Promise<Map<string, Candidate>> {
  const { people, session, signal } = options;
  try {
    const heirs = new Map<string, { kind: PersonKind; id: string }>();
    for (const [kind, group] of Map.groupBy(people, (one) => one.kind)) {
      const columns = ["Id", "MasterRecordId", ...(kind === "Lead" ? ["ConvertedContactId"] : [])];
      const ids = [...new Set(group.map((one) => one.id))];
      const soql = `SELECT ${columns.join(", ")} FROM ${kind} WHERE Id IN ${listed(ids)}`;
      // Among the deleted ones too.
      for (const { Id, MasterRecordId, ConvertedContactId } of await query({ session, soql, row: goneRow, all: true, signal })) {
        if (ConvertedContactId) heirs.set(Id, { kind: "Contact", id: ConvertedContactId });
        else if (MasterRecordId) heirs.set(Id, { kind, id: MasterRecordId });
      }
    }
    const found = new Map<string, Candidate>();
    for (const [kind, group] of Map.groupBy(heirs.values(), (one) => one.kind)) {
      const columns = ["Id", "Name", "OwnerId", ...OWN_COLUMNS[kind]];
      const soql = `SELECT ${columns.join(", ")} FROM ${kind} WHERE Id IN ${listed(group.map((one) => one.id))}`;
      for (const row of await query({ session, soql, row: heirRow, signal })) found.set(row.Id, heirOf(kind, row));
    }
    return new Map(
      [...heirs].flatMap(([gone, heir]) => {
        const candidate = found.get(heir.id);
        return candidate ? [[gone, candidate]] : [];
      }),
    );
  } catch {
    return new Map();
  }
}

function heirOf(kind: PersonKind, { Id, Name, OwnerId, AccountId }: z.output<typeof heirRow>): Candidate {
  const accountId = (kind === "Account" ? Id : AccountId) ?? undefined;
  return { kind, id: Id, name: Name ?? "", accountId, owner: OwnerId ?? undefined, modifiedAtMs: 0, numbers: [] };
}
