import { DISPOSITION_PROPERTY, type Dispositions } from "./dispositions.ts";
import { complaintsIn } from "./outcome.ts";

export const OWNER_PROPERTY = "hubspot_owner_id";

/** A call that HubSpot may refuse for something that matters less than the call. */
export interface Mendable {
  key: string;
  properties: Record<string, string>;
  /** The owner as we set it, not the route's own `fields`: it may be left out. */
  ownerId?: string | undefined;
}

export interface Mender {
  /** Takes out of refused calls what HubSpot does not have any more. Gives those that are to be sent again. Never throws. */
  mend<C extends Mendable>(calls: C[], error: unknown): Promise<C[]>;
  /** What was taken out, by the call's key. */
  leftOut: ReadonlyMap<string, readonly string[]>;
}

/** A call outcome that somebody deleted in HubSpot, an owner who has left: calls are logged without. */
export function createMender(options: { dispositions: Pick<Dispositions, "readAnew">; signal: AbortSignal }): Mender {
  const { dispositions, signal } = options;
  const leftOut = new Map<string, string[]>();

  async function withDeletedOutcome<C extends Mendable>(calls: C[]): Promise<C[]> {
    const having = calls.filter(({ properties }) => properties[DISPOSITION_PROPERTY] !== undefined);
    if (having.length === 0) return [];
    const isThere = await dispositions.readAnew({ signal }).catch(() => undefined);
    // Which of several is to blame is not known then: halves of the batch will tell.
    if (!isThere) return calls.length === 1 ? having : [];
    return having.filter(({ properties }) => !isThere(properties[DISPOSITION_PROPERTY] ?? ""));
  }

  /** HubSpot does not say in a form that can be read whose owner it means. */
  function withRefusedOwner<C extends Mendable>(calls: C[]): C[] {
    const having = calls.filter(({ properties, ownerId }) => ownerId !== undefined && properties[OWNER_PROPERTY] === ownerId);
    const all = new Set(calls.flatMap(({ properties }) => properties[OWNER_PROPERTY] ?? []));
    return all.size === 1 ? having : [];
  }

  return {
    leftOut,
    async mend(calls, error) {
      const complaints = complaintsIn(error);
      const isDeletedOutcome = complaints.some(({ code, property }) => code === "INVALID_OPTION" && property === DISPOSITION_PROPERTY);
      const isOwner = complaints.some(({ property }) => property === OWNER_PROPERTY);
      const parts = [
        [DISPOSITION_PROPERTY, isDeletedOutcome ? await withDeletedOutcome(calls) : []],
        [OWNER_PROPERTY, isOwner ? withRefusedOwner(calls) : []],
      ] as const;
      for (const [property, mended] of parts) {
        for (const { key, properties } of mended) {
          delete properties[property];
          leftOut.set(key, [...(leftOut.get(key) ?? []), property]);
        }
      }
      return [...new Set(parts.flatMap(([, mended]) => mended))];
    },
  };
}
