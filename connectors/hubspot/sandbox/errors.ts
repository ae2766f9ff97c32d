import { randomUUID } from "node:crypto";

export interface ErrorDetail {
  message: string;
  code?: string;
  context?: Record<string, string[]>;
}

/** A refusal in HubSpot's shape (https://developers.hubspot.com/docs/api-reference/error-handling). */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly body: Record<string, unknown>;

  constructor(status: number, body: { message: string; category?: string; errors?: ErrorDetail[]; context?: Record<string, string[]> }) {
    super(body.message);
    this.status = status;
    this.body = { status: "error", correlationId: randomUUID(), ...body };
  }

  toResponse(): Response {
    return Response.json(this.body, { status: this.status });
  }
}

export function validationError(message: string, more: { errors?: ErrorDetail[]; context?: Record<string, string[]> } = {}): Refusal {
  return new Refusal(400, { message, ...more, category: "VALIDATION_ERROR" });
}

export function notFound(message: string): Refusal {
  return new Refusal(404, { message, category: "OBJECT_NOT_FOUND" });
}

export function missingScope(scope: string): Refusal {
  return new Refusal(403, {
    message:
      "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: https://developers.hubspot.com/scopes.",
    errors: [{ message: "One or more of the following scopes are required.", context: { requiredGranularScopes: [scope] } }],
    category: "MISSING_SCOPES",
  });
}
