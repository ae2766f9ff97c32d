import { callingCodeOf, createExpiringCache, isSameNumber, type PossibleCustomer } from "../../../src/connector/index.ts";
import type { Session } from "../client.ts";
import { type Candidate, inSearches, searchPhones } from "./find.ts";
import { createPhoneFields, KINDS, type PhoneFields } from "./phone-fields.ts";

/** Who has a phone number, as Salesforce says now or said a little while ago. */
export interface People {
  /** Looks up several numbers (E.164), each once. For numbers that could not be looked up `of` gives the error. */
  find(options: { numbers: readonly string[]; phoneFields: readonly string[] | undefined; signal: AbortSignal }): Promise<Found>;
  /** One of them is not what it was (merged, deleted, made): ask again next time. */
  forget(number: string): void;
  /** This record is gone, whatever a search says: its index may know it for a while yet. */
  lose(id: string): void;
}

export interface Found {
  /**
   * Those who have one of the numbers: of the first kind that has anybody (Contact, Lead, Account), since a later kind counts only where the
   * earlier ones have nobody.
   */
  of(customers: readonly PossibleCustomer[]): { candidates: Candidate[] } | { error: unknown };
}

const KNOWN_FOR_MS = 5 * 60_000;
/** Shorter: whoever calls for the first time is often entered right after. */
const UNKNOWN_FOR_MS = 30_000;
const LOST_FOR_MS = 15 * 60_000;
const MAX_NUMBERS = 5_000;
/** Searches under way at once: far from the org's limit of 25 long requests. */
const CONCURRENCY = 4;

export function createPeople(options: { session: Session }): People {
  const { session } = options;
  const phoneFieldsOf = createPhoneFields({ session });
  /** By the fields that count and the number. Candidates stay as found: who of them has the number depends on where the call was made. */
  const caches = new Map<string, ReturnType<typeof createExpiringCache<Candidate[]>>>();
  const lost = createExpiringCache<true>({ maxEntries: MAX_NUMBERS });

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
        of(customers) {
          const theirs = new Map<string, Candidate>();
          for (const customer of customers) {
            const all = found.get(customer.number);
            if (!all) return { error: failures[0] };
            const isTheirs = ({ numbers }: Candidate) => numbers.some((stored) => isSameNumber(stored, customer));
            for (const candidate of all) if (!lost.get(candidate.id) && isTheirs(candidate)) theirs.set(candidate.id, candidate);
          }
          const candidates = [...theirs.values()];
          const kind = KINDS.find((one) => candidates.some((candidate) => candidate.kind === one));
          return { candidates: candidates.filter((candidate) => candidate.kind === kind) };
        },
      };

      async function searchAll(searched: string[], fields: PhoneFields): Promise<void> {
        const searches = inSearches(searched);
        async function work(): Promise<void> {
          for (let some = searches.pop(); some; some = searches.pop()) {
            const candidates = await searchPhones({ session, numbers: some, fields, signal });
            for (const number of some) {
              // Wide here: read at the customer's home more stored numbers pass, and `of` looks again.
              const wide = { number, homeCode: callingCodeOf(number) };
              const mayHave = candidates.filter(({ numbers }) => numbers.some((stored) => isSameNumber(stored, wide)));
              found.set(number, mayHave);
              cache.set(number, mayHave, mayHave.length > 0 ? KNOWN_FOR_MS : UNKNOWN_FOR_MS);
            }
          }
        }
        const ended = await Promise.allSettled(Array.from({ length: Math.min(CONCURRENCY, searches.length) }, work));
        for (const one of ended) if (one.status === "rejected") throw one.reason;
      }
    },
    forget(number) {
      for (const cache of caches.values()) cache.delete(number);
    },
    lose: (id) => lost.set(id, true, LOST_FOR_MS),
  };
}
