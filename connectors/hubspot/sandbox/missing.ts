import { type Refusal, validationError } from "./errors.ts";

/** A rule that the account's administrator made: the property is required, always or where another one has this value. */
export interface Requirement {
  property: string;
  when?: { property: string; value: string };
}

/**
 * What a record lacks by the account's rules, in HubSpot's words: enforced on writes from version 2026-09 on (changelog
 * "CRM API Write Validation Enforcement"). Undefined when it lacks nothing.
 */
export function createMissing(required: Requirement[]): (properties: Record<string, string | null>) => Refusal | undefined {
  return (properties) => {
    const lacking = required.filter(({ property, when }) => !properties[property] && (!when || properties[when.property] === when.value));
    if (lacking.length === 0) return undefined;
    const errors = lacking.map(({ property, when }) => ({
      code: when ? "MISSING_CONDITIONAL_REQUIRED_PROPERTY" : "MISSING_REQUIRED_PROPERTY",
      message: when
        ? `${property} is required because of a conditional property rule based on [${when.property}]`
        : `A value for ${property} must be provided`,
      context: { propertyName: [property] },
    }));
    return validationError("The property values provided are invalid", { errors });
  };
}
