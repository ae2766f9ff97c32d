import type { PossibleCustomer } from "../../model/customer.ts";
import type { Outcome } from "../../model/outcome.ts";
import type { Delivery } from "../contract.ts";
import type { Candidate, Match } from "./crm.ts";

/** A person of a CRM. `numbers`: their phone numbers as people typed them. */
export interface CrmPerson extends Candidate {
  numbers: readonly string[];
}

/** A detail that a CRM refused, and its code for why. */
export interface RefusedDetail {
  field: string;
  code: string;
}

export interface CrmSearch {
  /** One group of {@link Crm.groups}. */
  customers: readonly PossibleCustomer[];
  /** `match.phone_fields`; undefined: the CRM's own. */
  fields: readonly string[] | undefined;
  /** How long the search may wait for its turn. */
  maxWaitMs: number;
  signal: AbortSignal;
}

export interface NewPerson {
  /** E.164. */
  number: string;
  fields: readonly string[] | undefined;
  /** The call's owner, as the CRM names it. */
  owner: string | undefined;
}

/**
 * What became of a new person: `person`: it exists now, without the details `leftOut`. `refused`: the CRM's code for why it takes no such person; the
 * call is logged alone. `isUnclear`: it may exist although no answer says so.
 */
export type Creation<P> =
  | { person: P; leftOut?: readonly RefusedDetail[] }
  | { refused: string }
  | { outcome: Outcome }
  | { isUnclear: true; outcome?: Outcome };

/** What differs between CRMs. */
export interface Crm<P extends CrmPerson> {
  /** For sentences: `HubSpot`. */
  title: string;
  /** How long each answer is remembered. `created`, 0: not at all; for a CRM that shows a new person at once. */
  rememberMs: { found: number; nobody: number; gone: number; created: number };
  /** How long a search misses a new person: while a creation is unclear, no other one begins. 0: `create` looks the number up itself, without a lag. */
  searchLagMs: number;
  /** Whether a later version of a logged call may create a person as well. */
  createsForUpdates: boolean;
  /** Numbers that go into one search. Default: each number alone. */
  groups?(customers: readonly PossibleCustomer[]): PossibleCustomer[][];
  /** Searches of one batch at the same time. After a failure the others do not begin. Default: no limit. */
  concurrency?: number;
  /** Everybody who may have one of the numbers; who has which is checked here. `unread`: how many more there are. Throws what its client throws. */
  search(search: CrmSearch): Promise<{ people: readonly P[]; unread?: number }>;
  outcomeOfSearchError(error: unknown): Outcome;
  /** Those who count, of several with the same number. Default: all. */
  prefer?(people: readonly P[]): P[];
  /** How many people one `create` takes. */
  creationsAtOnce: number;
  /** Creates one person for each number; by number. Never throws. May go on after the signal. */
  create(people: readonly NewPerson[], options: { signal: AbortSignal }): Promise<ReadonlyMap<string, Creation<P>>>;
}

export interface CallToMatch<P> {
  delivery: Delivery<{ match: Match; associate: readonly string[] }>;
  /** The call's owner, as the CRM names it. */
  owner: string | undefined;
  /** Who took the place of the call's person, for a search that finds nobody: the record that a merge kept. */
  successor?: P | undefined;
}

/** `people`: empty for a call that is logged alone. `found`: how many have the number; undefined when there is no number to search for. */
export type PersonMatch<P> = { people: P[]; found?: number; refused?: string; leftOut?: readonly RefusedDetail[] } | { outcome: Outcome };
