import { CALL_ID_PROPERTY } from "../call-id.ts";
import { DISPOSITION_PROPERTY, type Dispositions } from "../dispositions.ts";
import { complaintsIn } from "../vendor-error.ts";

export const OWNER_PROPERTY = "hubspot_owner_id";

/** What makes the record: without it there is no use in a call. Everything else is a detail of it. */
const OF_THE_RECORD = new Set([CALL_ID_PROPERTY, "hs_timestamp", "hs_call_title", "hs_call_body"]);
/** The route names a property that calls do not have: a mistake in the file, which leaving it out would hide. */
const OF_THE_FILE = "PROPERTY_DOESNT_EXIST";

/** A call that HubSpot may refuse for a detail. */
export interface Refusable {
  key: string;
  properties: Record<string, string>;
}

/** A property that HubSpot refuses, or a kind of records that it cannot put the call on; `code`: HubSpot's for why. */
export interface Detail {
  field: string;
  code: string;
}

export interface LeavingOut {
  /** Takes refused details out of refused calls. Gives those that are to be sent again. Never throws. */
  leaveOut<C extends Refusable>(calls: C[], error: unknown): Promise<C[]>;
  /** What was taken out, by the call's key. */
  leftOut: ReadonlyMap<string, readonly Detail[]>;
}

/** A call outcome that somebody deleted in HubSpot, an owner who has left, a value that a field does not take: calls are logged without. */
export function createLeavingOut(options: { dispositions: Pick<Dispositions, "readAgain">; signal: AbortSignal }): LeavingOut {
  const { dispositions, signal } = options;
  const leftOut = new Map<string, Detail[]>();

  /** HubSpot does not say in a form that can be read whose value it means: all have the same one, there is but one, or halves of the batch will tell. */
  function withRefused<C extends Refusable>(calls: C[], property: string): C[] {
    const having = calls.filter(({ properties }) => properties[property] !== undefined);
    return new Set(having.map(({ properties }) => properties[property])).size === 1 ? having : [];
  }

  async function withDeletedOutcome<C extends Refusable>(calls: C[]): Promise<C[]> {
    const isThere = await dispositions.readAgain({ signal }).catch(() => undefined);
    const deleted = calls.filter(({ properties: { [DISPOSITION_PROPERTY]: value } }) => value !== undefined && isThere?.(value) === false);
    return deleted.length > 0 ? deleted : withRefused(calls, DISPOSITION_PROPERTY);
  }

  return {
    leftOut,
    async leaveOut<C extends Refusable>(calls: C[], error: unknown) {
      const refused = complaintsIn(error).flatMap(({ code, property }): [string, string][] =>
        property !== undefined && code !== OF_THE_FILE && !OF_THE_RECORD.has(property) ? [[property, code]] : [],
      );
      const again = new Set<C>();
      for (const [property, code] of new Map(refused)) {
        const guilty = property === DISPOSITION_PROPERTY ? await withDeletedOutcome(calls) : withRefused(calls, property);
        for (const call of guilty) {
          delete call.properties[property];
          leftOut.set(call.key, [...(leftOut.get(call.key) ?? []), { field: property, code }]);
          again.add(call);
        }
      }
      return [...again];
    },
  };
}
