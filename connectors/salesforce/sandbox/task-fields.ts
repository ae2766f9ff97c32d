import { type ItemError, itemError } from "./answers.ts";

/** A Task's field as describe gives it (sforce_api_objects_task; lengths: Field Reference). */
export interface TaskField {
  name: string;
  type: "id" | "string" | "combobox" | "picklist" | "textarea" | "date" | "int" | "reference";
  length: number;
  externalId: boolean;
  createable: boolean;
  updateable: boolean;
  /** The picklist takes these words only. */
  words?: string[];
}

function field(name: string, type: TaskField["type"], length = 0, more: Partial<TaskField> = {}): TaskField {
  return { name, type, length, externalId: false, createable: true, updateable: true, ...more };
}

/** The field that keeps the call's key, as `patchbay setup` or an administrator makes it. */
export function externalIdFieldOf(name: string): TaskField {
  return field(name, "string", 255, { externalId: true });
}

export function taskFields(externalIdField: string | undefined): TaskField[] {
  return [
    field("Id", "id", 18, { createable: false, updateable: false }),
    field("Subject", "combobox", 255),
    field("Status", "picklist", 255),
    field("Priority", "picklist", 255),
    field("Type", "picklist", 255),
    // "This field isn't updateable" (sforce_api_objects_task).
    field("TaskSubtype", "picklist", 40, { updateable: false, words: ["Task", "Email", "ListEmail", "Call", "Cadence", "LinkedIn"] }),
    field("ActivityDate", "date"),
    field("CallType", "picklist", 40, { words: ["Inbound", "Outbound", "Internal"] }),
    field("CallDurationInSeconds", "int"),
    field("CallDisposition", "string", 255),
    field("CallObject", "string", 255),
    field("Description", "textarea", 32_000),
    field("WhoId", "reference", 18),
    field("WhatId", "reference", 18),
    field("OwnerId", "reference", 18),
    field("Campaign__c", "string", 80),
    ...(externalIdField === undefined ? [] : [externalIdFieldOf(externalIdField)]),
  ];
}

/** A value that is not of its field's JSON type: Salesforce does not read the request at all then. */
export function isUnreadable(field: TaskField, value: unknown): boolean {
  if (value === null) return false;
  if (field.type === "int") return typeof value !== "number" && !(typeof value === "string" && /^-?\d+$/.test(value));
  if (typeof value === "object" || typeof value === "boolean") return true;
  return field.type === "date" && !/^\d{4}-\d{2}-\d{2}$/.test(String(value));
}

/** What is wrong with one value, in the vendor's words, which quote it. */
export function judgeValue(field: TaskField, value: unknown, isNew: boolean): ItemError | undefined {
  const { name, type, length, words } = field;
  if (isNew ? !field.createable : !field.updateable) {
    const text = `Unable to create/update fields: ${name}. Please check the security settings of this field and verify that it is read/write for your profile or permission set.`;
    return itemError("INVALID_FIELD_FOR_INSERT_UPDATE", text, [name]);
  }
  if (value === null || value === "") return undefined;
  const text = String(value);
  if (words && !words.includes(text)) {
    return itemError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", `${name}: bad value for restricted picklist field: ${text}`, [name]);
  }
  if (type === "int" && Math.abs(Number(text)) > 99_999_999) {
    return itemError("NUMBER_OUTSIDE_VALID_RANGE", `${name}: value outside of valid range on numeric field: ${text}`, [name]);
  }
  if (type === "reference" && !/^\w{15}(\w{3})?$/.test(text))
    return itemError("MALFORMED_ID", `${name}: id value of incorrect type: ${text}`, [name]);
  if (length > 0 && text.length > length) {
    return itemError("STRING_TOO_LONG", `${name}: data value too large: ${text} (max length=${length})`, [name]);
  }
  return undefined;
}
