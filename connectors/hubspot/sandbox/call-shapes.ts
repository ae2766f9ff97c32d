import { z } from "zod";
import { validationError } from "./errors.ts";

/** A call in the sandbox's CRM. */
export interface StoredCall {
  id: string;
  properties: Record<string, string | null>;
  createdAt: string;
  updatedAt: string;
}

const values = z.record(z.string(), z.string());
const trace = z.string().optional();
export const Upsert = z.strictObject({
  inputs: z.array(
    z.strictObject({ id: z.string().min(1), idProperty: z.string().optional(), objectWriteTraceId: trace, properties: values }),
  ),
});
export const Create = z.strictObject({
  inputs: z.array(z.strictObject({ objectWriteTraceId: trace, properties: values, associations: z.array(z.unknown()).max(0).optional() })),
});
export const Change = z.strictObject({
  inputs: z.array(
    z.strictObject({ id: z.string().min(1), idProperty: z.string().optional(), objectWriteTraceId: trace, properties: values }),
  ),
});
export const Read = z.strictObject({
  inputs: z.array(z.strictObject({ id: z.string().min(1) })),
  idProperty: z.string().optional(),
  properties: z.array(z.string()),
  propertiesWithHistory: z.array(z.string()),
});
export const Update = z.strictObject({ properties: values });
export type Input = {
  id?: string | undefined;
  idProperty?: string | undefined;
  objectWriteTraceId?: string | undefined;
  properties: Record<string, string>;
};
/** As a search compares them. */
export function valuesOf({ id, properties, createdAt, updatedAt }: StoredCall): Record<string, string | undefined> {
  const values = Object.entries(properties).map(([name, value]) => [name, value ?? undefined]);
  return { ...Object.fromEntries(values), hs_object_id: id, hs_createdate: createdAt, hs_lastmodifieddate: updatedAt };
}

/** @throws {Refusal} no batch that HubSpot takes. */
export function checkBatch(inputs: readonly object[]): void {
  if (inputs.length === 0) throw validationError("inputs must not be empty");
  if (inputs.length > 100) throw validationError(`The maximum number of inputs in a batch is 100, found ${inputs.length}`);
  const ids = inputs.flatMap((input) => ("id" in input ? [input.id] : []));
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw validationError(`Duplicate IDs found in batch input: [${twice}]. IDs must be unique`);
}

export function batchAnswer(results: unknown[]) {
  const now = new Date().toISOString();
  return { status: "COMPLETE", results, startedAt: now, completedAt: now };
}

/** As an answer has a call; with `wanted` only those properties. */
export function shown({ id, properties, createdAt, updatedAt }: StoredCall, wanted?: readonly string[]) {
  const chosen = wanted ? Object.fromEntries(wanted.map((name) => [name, properties[name] ?? null])) : properties;
  return { id, properties: { hs_object_id: id, ...chosen }, createdAt, updatedAt, archived: false };
}
