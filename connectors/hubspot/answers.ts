/** What is read of HubSpot's answers. */
import { z } from "../../src/connector/index.ts";

const paging = z.object({ next: z.object({ after: z.string() }).optional() }).optional();
export const anything = z.unknown();
export const oneRecord = z.object({
  id: z.string(),
  properties: z.record(z.string(), z.string().nullish()),
  createdAt: z.string().optional(),
  updatedAt: z.string().optional(),
});
/** One record of an object. */
export type HubSpotRecord = z.output<typeof oneRecord>;

const batchOf = <T extends z.ZodType>(result: T) => z.object({ results: z.array(result), errors: z.array(anything).optional() });

const written = z.object({
  id: z.string(),
  objectWriteTraceId: z.string().optional(),
  properties: z.record(z.string(), z.string().nullish()).optional(),
});
export const writtenBatch = batchOf(written);
/** A 207 is an answer like a 200: it has a result or an error for each input. */
export type WrittenBatch = z.output<typeof writtenBatch>;

export const recordBatch = batchOf(oneRecord);

export const found = z.object({ total: z.number(), results: z.array(oneRecord), paging });
export type Found = z.output<typeof found>;

const end = z.object({ id: z.string() });
export const associated = z.object({
  results: z.array(z.object({ from: end, to: end })),
  errors: z.array(anything).optional(),
  numErrors: z.number().optional(),
});

const objectId = z.union([z.string(), z.number()]).transform(String);
export const linked = z.object({
  results: z.array(
    z.object({
      from: end,
      to: z.array(z.object({ toObjectId: objectId, associationTypes: z.array(z.object({ typeId: z.number() })).default([]) })),
      paging,
    }),
  ),
});
export type LinkedRecords = z.output<typeof linked>;

export const property = z.object({
  name: z.string(),
  hasUniqueValue: z.boolean().optional(),
  options: z.array(z.object({ label: z.string(), value: z.string(), hidden: z.boolean().optional() })).default([]),
});
export type CallProperty = z.output<typeof property>;

export const group = z.object({ name: z.string(), archived: z.boolean().optional() });
export const groups = z.object({ results: z.array(group) });

export const owner = z.object({ id: z.string(), email: z.string().nullish() });
export const ownersPage = z.object({ results: z.array(owner), paging });

export const details = z.object({ portalId: z.number(), uiDomain: z.string().optional() });
