import { defineExtra, z } from "../../src/connector/index.ts";

/** `table`: where the row is, such as `analytics.calls`. */
export const extra = defineExtra({ table: z.string() });
