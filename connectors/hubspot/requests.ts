/**
 * Every request that the connector makes: the only file that knows HubSpot's paths. test/specs/hubspot.ts is the contract that the tests check
 * them against.
 */
import type { z } from "../../src/connector/index.ts";
import {
  anything,
  associated,
  type CallProperty,
  details,
  type Found,
  found,
  group,
  groups,
  type HubSpotRecord,
  type LinkedRecords,
  linked,
  oneRecord,
  owner,
  ownersPage,
  property,
  recordBatch,
  type WrittenBatch,
  writtenBatch,
} from "./answers.ts";
import type { HubSpotRequest } from "./client.ts";

/** The version of HubSpot's API, a part of each path. Supported for 18 months from its date (…/developer-tooling/platform/versioning). */
export const API_VERSION = "2026-09";

const OBJECTS = `/crm/objects/${API_VERSION}`;
const ASSOCIATIONS = `/crm/associations/${API_VERSION}`;
const PROPERTIES = `/crm/properties/${API_VERSION}`;
const OWNERS = `/crm/owners/${API_VERSION}`;

/** Most records in one batch of objects, and most records whose associations are read at once. */
export const MAX_BATCH = 100;
/** Most pairs in one batch of default associations (associations guide). */
export const MAX_ASSOCIATIONS = 2_000;
/** Most results on a page of a search (guide "Search the CRM"). */
export const MAX_FOUND_PER_PAGE = 200;

/** What a call can be put on, as HubSpot's paths name it. */
export type AssociatedKind = "contacts" | "companies" | "deals";

export interface CallInput {
  id: string;
  properties: Record<string, string>;
}

const properties = (names: readonly string[]) => ({ properties: names.join(",") });

/** By the unique property `idProperty`; `id` is its value. */
export function upsertCalls(idProperty: string, inputs: CallInput[]): HubSpotRequest<WrittenBatch> {
  const body = { inputs: inputs.map((input) => ({ ...input, idProperty, objectWriteTraceId: input.id })) };
  return { method: "POST", path: `${OBJECTS}/calls/batch/upsert`, body, answer: writtenBatch };
}

/** `trace` comes back with each result or error. */
export function createCalls(inputs: { trace: string; properties: Record<string, string> }[]): HubSpotRequest<WrittenBatch> {
  const body = { inputs: inputs.map(({ trace, properties }) => ({ properties, objectWriteTraceId: trace, associations: [] })) };
  return { method: "POST", path: `${OBJECTS}/calls/batch/create`, body, answer: writtenBatch };
}

/** By record id. */
export function updateCalls(inputs: (CallInput & { trace: string })[]): HubSpotRequest<WrittenBatch> {
  const body = { inputs: inputs.map(({ trace, ...input }) => ({ ...input, objectWriteTraceId: trace })) };
  return { method: "POST", path: `${OBJECTS}/calls/batch/update`, body, answer: writtenBatch };
}

export function updateCall(id: string, properties: Record<string, string>): HubSpotRequest<unknown> {
  return { method: "PATCH", path: `${OBJECTS}/calls/${encodeURIComponent(id)}`, body: { properties }, answer: anything };
}

export function readCall(id: string, names: readonly string[]): HubSpotRequest<HubSpotRecord> {
  return { method: "GET", path: `${OBJECTS}/calls/${encodeURIComponent(id)}`, query: properties(names), answer: oneRecord };
}

/** Into HubSpot's recycle bin. */
export function archiveCall(id: string): HubSpotRequest<unknown> {
  return { method: "DELETE", path: `${OBJECTS}/calls/${encodeURIComponent(id)}`, answer: anything };
}

/** The existing ones; the others are among the answer's errors (207). */
export function readRecords(
  kind: "calls" | AssociatedKind,
  ids: readonly string[],
  names: readonly string[],
): HubSpotRequest<z.output<typeof recordBatch>> {
  const body = { inputs: ids.map((id) => ({ id })), properties: names, propertiesWithHistory: [] };
  return { method: "POST", path: `${OBJECTS}/${kind}/batch/read`, body, answer: recordBatch };
}

export type Filter =
  | { propertyName: string; operator: "EQ" | "CONTAINS_TOKEN"; value: string }
  | { propertyName: string; operator: "IN"; values: string[] };

export interface Search {
  /** A record matches every filter of at least one group. */
  filterGroups: { filters: Filter[] }[];
  sorts?: { propertyName: string; direction: "ASCENDING" | "DESCENDING" }[];
  properties: string[];
  limit: number;
  after?: string;
}

export function searchRecords(kind: "calls" | "contacts", search: Search): HubSpotRequest<Found> {
  return { method: "POST", path: `${OBJECTS}/${kind}/search`, body: search, answer: found };
}

export function readContact(id: string, names: readonly string[]): HubSpotRequest<HubSpotRecord> {
  return { method: "GET", path: `${OBJECTS}/contacts/${encodeURIComponent(id)}`, query: properties(names), answer: oneRecord };
}

export function createContact(properties: Record<string, string>): HubSpotRequest<HubSpotRecord> {
  return { method: "POST", path: `${OBJECTS}/contacts`, body: { properties, associations: [] }, answer: oneRecord };
}

/** With HubSpot's own types (call to contact 194, to company 182, to deal 206); writing one again changes nothing. */
export function associateCalls(to: AssociatedKind, pairs: { callId: string; toId: string }[]): HubSpotRequest<z.output<typeof associated>> {
  const body = { inputs: pairs.map(({ callId, toId }) => ({ from: { id: callId }, to: { id: toId } })) };
  return { method: "POST", path: `${ASSOCIATIONS}/calls/${to}/batch/associate/default`, body, answer: associated };
}

/** What records are associated with. A record without any is among the answer's errors (207, `NO_ASSOCIATIONS_FOUND`); `after` asks for its next page. */
export function readAssociations(
  from: "calls" | "contacts",
  to: AssociatedKind,
  inputs: { id: string; after?: string }[],
): HubSpotRequest<LinkedRecords> {
  return { method: "POST", path: `${ASSOCIATIONS}/${from}/${to}/batch/read`, body: { inputs }, answer: linked };
}

/** All associations between a call and these records. */
export function removeAssociations(callId: string, to: AssociatedKind, ids: readonly string[]): HubSpotRequest<unknown> {
  const body = { inputs: [{ from: { id: callId }, to: ids.map((id) => ({ id })) }] };
  return { method: "POST", path: `${ASSOCIATIONS}/calls/${to}/batch/archive`, body, answer: anything };
}

export function readCallProperty(name: string): HubSpotRequest<CallProperty> {
  return { method: "GET", path: `${PROPERTIES}/calls/${encodeURIComponent(name)}`, answer: property };
}

export function createCallProperty(body: {
  name: string;
  label: string;
  description: string;
  groupName: string;
  type: "string";
  fieldType: "text";
  hasUniqueValue: boolean;
}): HubSpotRequest<CallProperty> {
  return { method: "POST", path: `${PROPERTIES}/calls`, body, answer: property };
}

export function readCallPropertyGroups(): HubSpotRequest<z.output<typeof groups>> {
  return { method: "GET", path: `${PROPERTIES}/calls/groups`, answer: groups };
}

export function createCallPropertyGroup(body: { name: string; label: string }): HubSpotRequest<z.output<typeof group>> {
  return { method: "POST", path: `${PROPERTIES}/calls/groups`, body, answer: group };
}

/** Those with this address, active ones only; `after` asks for the next page. */
export function readOwners(email: string, after?: string): HubSpotRequest<z.output<typeof ownersPage>> {
  const query = { email, limit: "100", archived: "false", ...(after === undefined ? {} : { after }) };
  return { method: "GET", path: OWNERS, query, answer: ownersPage };
}

export function readOwner(id: string): HubSpotRequest<z.output<typeof owner>> {
  return { method: "GET", path: `${OWNERS}/${encodeURIComponent(id)}`, query: { idProperty: "id", archived: "false" }, answer: owner };
}

/** Which account the token is for; any token may ask. */
export function readAccount(): HubSpotRequest<z.output<typeof details>> {
  return { method: "GET", path: `/account-info/${API_VERSION}/details`, answer: details };
}
