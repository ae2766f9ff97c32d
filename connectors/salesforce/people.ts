import { createExpiringCache, isSameNumber } from "../../src/connector.ts";
import { createPhoneFields, KINDS, type PhoneFields } from "./phone-fields.ts";
import { type Candidate, NUMBERS_PER_SEARCH, searchPhones } from "./search.ts";
import type { Session } from "./session.ts";

/** Who has a phone number, as Salesforce says now or said a little while ago. */
export interface People {
  /**
   * Looks up several numbers (E.164), each once. `of` then gives those who have one: of the first kind that has anybody (Contact, Lead,
   * Account), since a later kind counts only where the earlier ones have nobody. For numbers that could not be looked up it gives the error.
   */
  find(options: { numbers: readonly string[]; phoneFields: readonly string[] | undefined; signal: AbortSignal }): Promise<Found>;
  /** One of them is not what it was (merged, deleted, made): ask again next time. */
  forget(number: string): void;
}

export interface Found {
  of(caller: { number: string; homeCode: string }): { candidates: Candidate[] } | { error: unknown };
}

const KNOWN_FOR_MS = 5 * 60_000;
/** Shorter: whoever calls for the first time is often entered right after. */
const UNKNOWN_FOR_MS = 30_000;
const MAX_NUMBERS = 5_000;
/** Searches under way at once: far from the org's limit of 25 long requests. */
const CONCURRENCY = 4;

export function createPeople(options: { session: Session }): People {
  const { session } = options;
  const phoneFieldsOf = createPhoneFields({ session });
  /** By the fields that count and the number. Candidates stay as found: who of them has the number depends on where the call was made. */
  const caches = new Map<string, ReturnType<typeof createExpiringCache<Candidate[]>>>();

  function cacheOf(phoneFields: readonly string[] | undefined) {
    const key = phoneFields?.join(",") ?? "";
    const cache = caches.get(key) ?? createExpiringCache<Candidate[]>({ maxEntries: MAX_NUMBERS });
    caches.set(key, cache);
    return cache;
  }

  return {
    async find({ numbers, phoneFields, signal }) {
      const cache = cacheOf(phoneFields);
      const found = new Map<string, Candidate[]>();
      const unknown: string[] = [];
      for (const number of new Set(numbers)) {
        const known = cache.get(number);
        if (known) found.set(number, known);
        else unknown.push(number);
      }
      const failures: unknown[] = [];
      if (unknown.length > 0) {
        try {
          await searchAll(unknown, await phoneFieldsOf(phoneFields, signal));
        } catch (error) {
          failures.push(error);
        }
      }
      return {
        of({ number, homeCode }) {
          const all = found.get(number);
          if (!all) return { error: failures[0] };
          const theirs = all.filter(({ numbers }) => numbers.some((stored) => isSameNumber(stored, { number, homeCode })));
          const kind = KINDS.find((one) => theirs.some((candidate) => candidate.kind === one));
          return { candidates: theirs.filter((candidate) => candidate.kind === kind) };
        },
      };

      async function searchAll(searched: string[], fields: PhoneFields): Promise<void> {
        const chunks = Array.from({ length: Math.ceil(searched.length / NUMBERS_PER_SEARCH) }, (_, index) =>
          searched.slice(index * NUMBERS_PER_SEARCH, (index + 1) * NUMBERS_PER_SEARCH),
        );
        async function work(): Promise<void> {
          for (let chunk = chunks.pop(); chunk; chunk = chunks.pop()) {
            const candidates = await searchPhones({ session, numbers: chunk, fields, signal });
            for (const number of chunk) {
              // Wide here: without our own country's code more stored numbers pass, and `of` looks again.
              const mayHave = candidates.filter(({ numbers }) => numbers.some((stored) => isSameNumber(stored, { number, homeCode: "" })));
              found.set(number, mayHave);
              cache.set(number, mayHave, mayHave.length > 0 ? KNOWN_FOR_MS : UNKNOWN_FOR_MS);
            }
          }
        }
        const ended = await Promise.allSettled(Array.from({ length: Math.min(CONCURRENCY, chunks.length) }, work));
        for (const one of ended) if (one.status === "rejected") throw one.reason;
      }
    },
    forget(number) {
      for (const cache of caches.values()) cache.delete(number);
    },
  };
}
