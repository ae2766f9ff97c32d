import { truncate } from "../../src/connector/index.ts";
import { STALE } from "./error-codes.ts";
import type { Task } from "./record.ts";
import { SalesforceError } from "./vendor-error.ts";

/** The owner cannot own it: a user who left, may not see it, or has a licence without Tasks. */
const OWNER = new Set(["INACTIVE_OWNER_OR_USER", "OP_WITH_INVALID_USER_TYPE_EXCEPTION", "TRANSFER_REQUIRES_READ"]);
/** A field refers to a record that does not exist or may not be used; the form of its value is right. */
const REFERENCE = new Set([...STALE, "FIELD_INTEGRITY_EXCEPTION", "FIELD_FILTER_VALIDATION_EXCEPTION", "MALFORMED_ID"]);
/** Without these a Task is no logged call, or not this one. */
const ESSENTIAL = new Set(["subject", "status", "activitydate", "description", "whoid", "whatid"]);
const LINKS = ["WhatId", "WhoId"];
/** A text that is too long for the org keeps this share; it is shortened again if need be. */
const KEPT_SHARE = 0.75;

/** What to do before a Task is sent once more, in the same attempt. */
export type Repair =
  /** Another transaction must end first. */
  | { kind: "locked" }
  /** A write of the same key was faster: this one is an update now. */
  | { kind: "again" }
  /** The person, company, deal or owner changed since it was looked up. */
  | { kind: "stale" }
  /** Looked up just now and refused again: the person is gone, or hidden from the integration user. */
  | { kind: "lost"; field: string }
  /** The Task without a refused detail. */
  | { kind: "without"; task: Task; leftOut: { field: string; code: string }[] };

/** Whether an error is about the record's owner. An unnamed reference may be the owner, if the record has no other reference. */
export function isAboutOwner({ code, fields }: SalesforceError, isOnlyReference = true): boolean {
  return OWNER.has(code) || (REFERENCE.has(code) && (fields.includes("OwnerId") || (fields.length === 0 && isOnlyReference)));
}

/** Undefined: nothing would help. `isFresh`: what the Task refers to was looked up after an error of that kind. */
export function repairOf(options: {
  task: Task;
  error: unknown;
  isFresh: boolean;
  externalIdField: string;
  /** API names of the route's own fields. */
  ownFields: readonly string[];
  /** The link that is the person: WhatId for an Account. */
  personField: "WhoId" | "WhatId";
}): Repair | undefined {
  const { task, error, isFresh, externalIdField, ownFields, personField } = options;
  if (!(error instanceof SalesforceError) || (error.status !== undefined && error.status !== 400)) return undefined;
  const { code } = error;
  const named = namesIn(task, error.fields);
  const isUnnamed = error.fields.length === 0;
  const codeOf = (field: string) => error.errors.find((one) => one.fields?.some((name) => sameName(name, field)))?.code ?? code;
  const without = (fields: readonly string[], isNoted = true): Repair | undefined =>
    fields.length === 0
      ? undefined
      : { kind: "without", task: drop(task, fields), leftOut: isNoted ? fields.map((field) => ({ field, code: codeOf(field) })) : [] };

  if (code === "UNABLE_TO_LOCK_ROW") return { kind: "locked" };
  if ("OwnerId" in task && isAboutOwner(error, false)) {
    return isFresh ? without(["OwnerId"]) : { kind: "stale" };
  }
  const links = LINKS.filter((field) => field in task && (isUnnamed || named.includes(field)));
  if (STALE.has(code) || (REFERENCE.has(code) && links.length > 0 && !isUnnamed)) {
    if (!isFresh && (links.length > 0 || (isUnnamed && "OwnerId" in task))) return { kind: "stale" };
    // Salesforce does not always say which one it is. The deal or company is dropped first: the person matters more.
    const other = links.find((field) => field !== personField);
    if (other) return without([other]);
    if (links.length > 0) return { kind: "lost", field: personField };
    if (isUnnamed && "OwnerId" in task) return without(["OwnerId"]);
  }
  // Not updateable, and this was an update after all: nothing is lost by it.
  if (code === "INVALID_FIELD_FOR_INSERT_UPDATE" && named.includes("TaskSubtype")) return without(["TaskSubtype"], false);
  const isKeyAlone = error.fields.every((field) => sameName(field, externalIdField));
  if (code === "DUPLICATE_VALUE" && isKeyAlone) return { kind: "again" };
  if (code === "STRING_TOO_LONG" && named.length > 0 && named.every((field) => field === "Subject" || field === "Description")) {
    return { kind: "without", task: shortened(task, named), leftOut: named.map((field) => ({ field: `the end of ${field}`, code })) };
  }
  if (code === "REQUIRED_FIELD_MISSING") return undefined;
  const isDetail = (field: string) => !ESSENTIAL.has(field.toLowerCase()) && !sameName(field, externalIdField);
  const areAllNamed = error.fields.every((field) => named.some((one) => sameName(one, field)));
  if (!isUnnamed) return areAllNamed && named.every(isDetail) ? without(named) : undefined;
  // For a value of the wrong type, or a reference to nothing, Salesforce names no field: the route's own fields are the likely ones.
  return code === "JSON_PARSER_ERROR" || REFERENCE.has(code) ? without(namesIn(task, ownFields).filter(isDetail)) : undefined;
}

function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** As the Task spells them: an error has the names in the org's letters, a route in its own. */
function namesIn(task: Task, fields: readonly string[]): string[] {
  const wanted = new Set(fields.map((field) => field.toLowerCase()));
  return Object.keys(task).filter((field) => wanted.has(field.toLowerCase()));
}

export function drop(task: Task, fields: Iterable<string>): Task {
  const gone = new Set(fields);
  return Object.fromEntries(Object.entries(task).filter(([field]) => !gone.has(field)));
}

function shortened(task: Task, fields: readonly string[]): Task {
  const cut = (field: string) => {
    const text = String(task[field]);
    return [field, truncate(text, Math.floor(text.length * KEPT_SHARE), "…")];
  };
  return { ...task, ...Object.fromEntries(fields.map(cut)) };
}
