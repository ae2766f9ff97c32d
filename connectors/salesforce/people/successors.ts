import { z } from "zod";
import type { Session } from "../client.ts";
import { query, soqlList } from "../soql.ts";
import type { SalesforcePerson } from "./find.ts";
import type { PersonKind } from "./phone-fields.ts";

const id = z.string().nullish();
const goneRow = z.object({ Id: z.string(), MasterRecordId: id, ConvertedContactId: id });
const successorRow = z.object({ Id: z.string(), Name: id, OwnerId: id, AccountId: id });

const OWN_COLUMNS: Record<PersonKind, string[]> = { Contact: ["AccountId"], Lead: [], Account: [] };

/**
 * The records that took the place of these people, by the id of the person who is gone: the Contact that a Lead became, the record that a merge kept
 * ("If this object was deleted as the result of a merge, this field contains the ID of the record that was kept", MasterRecordId). The search index
 * shows it some seconds later. A person who was simply deleted has none. Never throws: without an answer nobody has one.
 */
export async function successorsOf(options: {
  people: readonly Pick<SalesforcePerson, "kind" | "id">[];
  session: Session;
  signal: AbortSignal;
}): Promise<Map<string, SalesforcePerson>> {
  const { people, session, signal } = options;
  try {
    const successors = new Map<string, { kind: PersonKind; id: string }>();
    for (const [kind, group] of Map.groupBy(people, (one) => one.kind)) {
      const columns = ["Id", "MasterRecordId", ...(kind === "Lead" ? ["ConvertedContactId"] : [])];
      const ids = [...new Set(group.map((one) => one.id))];
      const soql = `SELECT ${columns.join(", ")} FROM ${kind} WHERE Id IN ${soqlList(ids)}`;
      // Deleted records too.
      for (const { Id, MasterRecordId, ConvertedContactId } of await query({ session, soql, row: goneRow, all: true, signal })) {
        if (ConvertedContactId) successors.set(Id, { kind: "Contact", id: ConvertedContactId });
        else if (MasterRecordId) successors.set(Id, { kind, id: MasterRecordId });
      }
    }
    const found = new Map<string, SalesforcePerson>();
    for (const [kind, group] of Map.groupBy(successors.values(), (one) => one.kind)) {
      const columns = ["Id", "Name", "OwnerId", ...OWN_COLUMNS[kind]];
      const soql = `SELECT ${columns.join(", ")} FROM ${kind} WHERE Id IN ${soqlList(group.map((one) => one.id))}`;
      for (const row of await query({ session, soql, row: successorRow, signal })) found.set(row.Id, successorOf(kind, row));
    }
    return new Map(
      [...successors].flatMap(([gone, successor]) => {
        const person = found.get(successor.id);
        return person ? [[gone, person]] : [];
      }),
    );
  } catch {
    return new Map();
  }
}

function successorOf(kind: PersonKind, { Id, Name, OwnerId, AccountId }: z.output<typeof successorRow>): SalesforcePerson {
  const accountId = (kind === "Account" ? Id : AccountId) ?? undefined;
  return { kind, id: Id, name: Name ?? "", accountId, owner: OwnerId ?? undefined, modifiedAtMs: 0, numbers: [] };
}
