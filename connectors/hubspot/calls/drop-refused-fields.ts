import type { RefusedDetail } from "../../../src/connector/index.ts";
import { CALL_ID_PROPERTY } from "../call-id.ts";
import { DISPOSITION_PROPERTY, type Dispositions } from "../dispositions.ts";
import { complaintsIn } from "../vendor-error.ts";

export const OWNER_PROPERTY = "hubspot_owner_id";

/** A call is no record without these. Every other property is a detail. */
const ESSENTIAL = new Set([CALL_ID_PROPERTY, "hs_timestamp", "hs_call_title", "hs_call_body"]);
/** The route names a property that calls do not have: dropping it would hide the mistake in the file. */
const MISTAKE_OF_THE_FILE = "PROPERTY_DOESNT_EXIST";

/** A call that HubSpot may refuse for a detail. */
interface Refusable {
  key: string;
  properties: Record<string, string>;
}

export interface FieldDropper {
  /** Deletes the refused details from the refused calls, and returns those calls, to be sent again. Never throws. */
  dropRefused<C extends Refusable>(calls: C[], error: unknown): Promise<C[]>;
  /** What was deleted, by the call's key. */
  dropped: ReadonlyMap<string, readonly RefusedDetail[]>;
}

/** Writes a call without a detail that HubSpot refuses: a deleted call outcome, an owner who left, a value that a field does not take. */
export function createFieldDropper(options: { dispositions: Pick<Dispositions, "readAgain">; signal: AbortSignal }): FieldDropper {
  const { dispositions, signal } = options;
  const dropped = new Map<string, RefusedDetail[]>();

  /** HubSpot does not say whose value it refuses. It is known if all calls have the same value; otherwise halves of the batch show it. */
  function withValueOf<C extends Refusable>(calls: C[], property: string): C[] {
    const having = calls.filter(({ properties }) => properties[property] !== undefined);
    return new Set(having.map(({ properties }) => properties[property])).size === 1 ? having : [];
  }

  async function withDeletedOutcome<C extends Refusable>(calls: C[]): Promise<C[]> {
    const exists = await dispositions.readAgain({ signal }).catch(() => undefined);
    const deleted = calls.filter(({ properties: { [DISPOSITION_PROPERTY]: value } }) => value !== undefined && exists?.(value) === false);
    return deleted.length > 0 ? deleted : withValueOf(calls, DISPOSITION_PROPERTY);
  }

  return {
    dropped,
    async dropRefused<C extends Refusable>(calls: C[], error: unknown) {
      const refused = complaintsIn(error).flatMap(({ code, property }): [string, string][] =>
        property !== undefined && code !== MISTAKE_OF_THE_FILE && !ESSENTIAL.has(property) ? [[property, code]] : [],
      );
      const again = new Set<C>();
      for (const [property, code] of new Map(refused)) {
        const guilty = property === DISPOSITION_PROPERTY ? await withDeletedOutcome(calls) : withValueOf(calls, property);
        for (const call of guilty) {
          delete call.properties[property];
          dropped.set(call.key, [...(dropped.get(call.key) ?? []), { field: property, code }]);
          again.add(call);
        }
      }
      return [...again];
    },
  };
}
