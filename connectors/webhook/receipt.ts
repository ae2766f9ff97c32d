import { defineExtra, z } from "../../src/connector/index.ts";

/** `webhook_id`: of the version that was sent last. */
export const extra = defineExtra({ webhook_id: z.string() });
