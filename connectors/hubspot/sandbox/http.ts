import type { Context } from "hono";
import type { VendorFault } from "../../../src/connector/index.ts";
import { Refusal } from "./errors.ts";
import { tooMany } from "./limits.ts";

const MAX_BODY_BYTES = 10 * 1024 * 1024;

/** `properties=a,b` and `properties=a&properties=b` are the same. */
export function listOf(c: Context, name: string): string[] {
  return c.req.queries(name)?.flatMap((text) => text.split(",")) ?? [];
}

export function answerOf({ status, body }: { status: number; body: unknown }): Response {
  return Response.json(body, { status });
}

export function notAuthenticated(): Refusal {
  return new Refusal(401, {
    message:
      "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
    category: "INVALID_AUTHENTICATION",
  });
}

export async function jsonOf(c: Context): Promise<unknown> {
  const text = await c.req.text();
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) throw new Refusal(413, { message: "Request entity too large" });
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, { message: "Invalid input JSON on line 1, column 1", category: "VALIDATION_ERROR" });
  }
}

export function faultOf(kind: VendorFault): Response {
  switch (kind) {
    case "rate-limited":
    case "rate-limited-silent":
      // Retry-After is not documented for the CRM API: both are the same here.
      return tooMany("ten_secondly_rolling", {});
    case "server-error":
      return new Refusal(500, { message: "internal error" }).toResponse();
    case "unauthorized":
      return new Refusal(401, { message: "Authentication credentials not found.", category: "INVALID_AUTHENTICATION" }).toResponse();
  }
}
