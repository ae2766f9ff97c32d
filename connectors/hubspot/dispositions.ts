import { createExpiringCache, type Outcome, type SharedCall } from "../../src/connector.ts";
import type { HubSpotApi } from "./client.ts";
import { outcomeOfReadError } from "./outcome.ts";
import { CALLS } from "./property.ts";

export const DISPOSITION_PROPERTY = "hs_call_disposition";

/** HubSpot's ready-made call outcomes; an account may have more, and other labels. */
export const DISPOSITIONS = {
  connected: "f240bbac-87c9-4f6e-bf70-924b57d47db7",
  leftVoicemail: "b2cf5968-551e-4856-9783-52b3da59a7d0",
  noAnswer: "73a0d17f-1163-4015-bdd5-ec830791da20",
};

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const REMEMBER_MS = 10 * 60_000;
/** A label that is not there may have been made since; not asked for more often. */
const ASK_AGAIN_AFTER_MS = 30_000;

interface Option {
  label: string;
  value: string;
  hidden: boolean;
}

/** The account's call outcomes, by their labels. */
export interface Dispositions {
  /** The value for a call, "" for none; or why what the route says is no outcome of this account. */
  valueFor(
    call: SharedCall,
    options: { chosen: Record<string, string>; signal: AbortSignal },
  ): Promise<{ value: string } | { outcome: Outcome }>;
  /** Whether the account has this value, asked anew. @throws what the SDK throws. */
  readAnew(options: { signal: AbortSignal }): Promise<(value: string) => boolean>;
}

export function createDispositions(options: { api: HubSpotApi }): Dispositions {
  const { api } = options;
  const cache = createExpiringCache<{ atMs: number; options: Option[] }>({ maxEntries: 1 });

  /** Asked once for all calls that want it at the same time, also where it fails. */
  let asking: Promise<Option[]> | undefined;

  async function read({ signal, olderThanMs }: { signal: AbortSignal; olderThanMs: number }): Promise<Option[]> {
    const known = cache.get(DISPOSITION_PROPERTY);
    if (known && performance.now() - known.atMs < olderThanMs) return known.options;
    asking ??= ask(signal).finally(() => {
      asking = undefined;
    });
    return asking;
  }

  async function ask(signal: AbortSignal): Promise<Option[]> {
    const property = await api.ask(signal, (sdk) => sdk.properties.getByName(CALLS, DISPOSITION_PROPERTY));
    const options = property.options.map(({ label, value, hidden }) => ({ label, value, hidden }));
    cache.set(DISPOSITION_PROPERTY, { atMs: performance.now(), options }, REMEMBER_MS);
    return options;
  }

  async function valueOfLabel(label: string, signal: AbortSignal): Promise<{ value: string } | { labels: string[] }> {
    const wanted = label.toLowerCase();
    const among = (options: Option[]) =>
      options.find((one) => one.label.trim().toLowerCase() === wanted || one.value.toLowerCase() === wanted);
    const found = among(await read({ signal, olderThanMs: REMEMBER_MS }));
    if (found) return { value: found.value };
    const anew = await read({ signal, olderThanMs: ASK_AGAIN_AFTER_MS });
    const option = among(anew);
    return option ? { value: option.value } : { labels: anew.filter(({ hidden }) => !hidden).map((one) => one.label) };
  }

  return {
    async valueFor(call, { chosen, signal }) {
      const choice = Object.hasOwn(chosen, call.call_outcome) ? chosen[call.call_outcome]?.trim() : undefined;
      if (choice === undefined) {
        const value = defaultFor(call);
        const known = cache.get(DISPOSITION_PROPERTY)?.options;
        return { value: !known || known.some((option) => option.value === value) ? value : "" };
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
    async readAnew({ signal }) {
      const options = await read({ signal, olderThanMs: 0 });
      return (value) => options.some((option) => option.value === value);
    },
  };
}

function defaultFor(call: SharedCall): string {
  if (call.call_outcome === "answered") return DISPOSITIONS.connected;
  if (call.call_outcome === "failed") return DISPOSITIONS.noAnswer;
  return call.call_outcome === "voicemail" && call.direction === "outbound" ? DISPOSITIONS.leftVoicemail : "";
}

/** The label itself is not quoted: a template may have made it of the call. */
function unknownLabel(labels: string[]): Outcome {
  const there = labels.slice(0, 20).join(", ");
  const reason = `what the route's outcome says for this call is no call outcome in HubSpot, which has: ${there}; or write none`;
  return { kind: "rejected", code: "unknown_outcome", reason };
}
