import { createCache, type Outcome, type SharedCall } from "../../src/connector/index.ts";
import type { HubSpotApi } from "./client.ts";
import { outcomeOfReadError } from "./errors.ts";
import { readCallProperty } from "./requests.ts";

export const DISPOSITION_PROPERTY = "hs_call_disposition";

/** HubSpot's ready-made call outcomes, the same in every account (guide "Activities | Calls"); an account may have more, and other labels. */
const READY_MADE = {
  Busy: "9d9162e7-6cf3-4944-bf63-4dff82258764",
  Connected: "f240bbac-87c9-4f6e-bf70-924b57d47db7",
  "Left live message": "a4c4c377-d246-4b32-a13b-75a56a4cd0ff",
  "Left voicemail": "b2cf5968-551e-4856-9783-52b3da59a7d0",
  "No answer": "73a0d17f-1163-4015-bdd5-ec830791da20",
  "Wrong number": "17b47fee-58de-441e-a44c-c6300d46f273",
};
const READY_MADE_OPTIONS: Option[] = Object.entries(READY_MADE).map(([label, value]) => ({ label, value }));

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const REMEMBER_MS = 10 * 60_000;
/** An unknown label may have been created since: HubSpot is asked again no sooner than this. */
const ASK_AGAIN_AFTER_MS = 30_000;

interface Option {
  label: string;
  value: string;
  hidden?: boolean | undefined;
}

/** The account's call outcomes, by their labels. */
export interface Dispositions {
  /**
   * The value for a call, "" for none; or the outcome of a call whose route names no outcome of this account. `isUnknown`: the account does not list
   * its outcomes, and the route names none of HubSpot's own.
   */
  valueFor(
    call: SharedCall,
    options: { chosen: Record<string, string>; signal: AbortSignal },
  ): Promise<{ value: string; isUnknown?: true } | { outcome: Outcome }>;
  /** Asks again which values the account has; undefined if it does not list them. @throws as `api.ask` */
  readAgain(options: { signal: AbortSignal }): Promise<((value: string) => boolean) | undefined>;
}

export function createDispositions(options: { api: HubSpotApi }): Dispositions {
  const { api } = options;
  const cache = createCache<Option[]>({ maxEntries: 1, ttlMs: REMEMBER_MS });

  /** Asks once for all calls that want it at the same time, also when it fails. */
  function read({ signal, maxAgeMs }: { signal: AbortSignal; maxAgeMs: number }): Promise<Option[]> {
    const load = async () => (await api.ask(signal, readCallProperty(DISPOSITION_PROPERTY))).options;
    return cache.fetch(DISPOSITION_PROPERTY, load, { maxAgeMs });
  }

  /** It is not documented that accounts list their outcomes in the property: an empty list means that they are not known, not that there are none. */
  async function valueOfLabel(label: string, signal: AbortSignal): Promise<{ value: string; isUnknown?: true } | { labels: string[] }> {
    const wanted = label.toLowerCase();
    const among = (options: Option[]) =>
      (options.length === 0 ? READY_MADE_OPTIONS : options).find(
        (one) => one.label.trim().toLowerCase() === wanted || one.value.toLowerCase() === wanted,
      );
    const found = among(await read({ signal, maxAgeMs: REMEMBER_MS }));
    if (found) return { value: found.value };
    const newer = await read({ signal, maxAgeMs: ASK_AGAIN_AFTER_MS });
    const option = among(newer);
    if (option) return { value: option.value };
    if (newer.length === 0) return { value: "", isUnknown: true };
    return { labels: newer.filter(({ hidden }) => hidden !== true).map((one) => one.label) };
  }

  return {
    async valueFor(call, { chosen, signal }) {
      const choice = Object.hasOwn(chosen, call.call_outcome) ? chosen[call.call_outcome]?.trim() : undefined;
      if (choice === undefined) {
        const value = defaultFor(call);
        const known = cache.get(DISPOSITION_PROPERTY) ?? [];
        return { value: known.length === 0 || known.some((option) => option.value === value) ? value : "" };
      }
      if (choice === "" || choice.toLowerCase() === "none") return { value: "" };
      if (GUID.test(choice)) return { value: choice.toLowerCase() };
      try {
        const found = await valueOfLabel(choice, signal);
        return "value" in found ? found : { outcome: unknownLabel(found.labels) };
      } catch (error) {
        return { outcome: outcomeOfReadError(error) };
      }
    },
    async readAgain({ signal }) {
      const options = await read({ signal, maxAgeMs: 0 });
      return options.length === 0 ? undefined : (value) => options.some((option) => option.value === value);
    },
  };
}

function defaultFor(call: SharedCall): string {
  if (call.call_outcome === "answered") return READY_MADE.Connected;
  if (call.call_outcome === "failed") return READY_MADE["No answer"];
  return call.call_outcome === "voicemail" && call.direction === "outbound" ? READY_MADE["Left voicemail"] : "";
}

/** The label is not quoted: a template may have taken it from the call. */
function unknownLabel(labels: string[]): Outcome {
  const there = labels.slice(0, 20).join(", ");
  const reason = `what the route's outcome says for this call is no call outcome in HubSpot, which has: ${there}; or write none`;
  return { kind: "rejected", code: "unknown_outcome", reason };
}
