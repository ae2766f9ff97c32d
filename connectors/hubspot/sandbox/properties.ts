import { z } from "zod";
import { type ErrorDetail, Refusal, validationError } from "./errors.ts";
import { GROUP, type PropertyDefinition } from "./standard-properties.ts";

/** Not confirmed for calls; 65,536 is what other text properties take. */
const MAX_TEXT_CHARS = 65_536;

const NewProperty = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]*$/),
  label: z.string().min(1),
  description: z.string().optional(),
  groupName: z.string(),
  type: z.enum(["string", "number", "datetime", "enumeration"]),
  fieldType: z.string(),
  hasUniqueValue: z.boolean().optional(),
});
const Changes = z.strictObject({
  label: z.string().optional(),
  options: z.array(z.strictObject({ label: z.string(), value: z.string(), hidden: z.boolean(), displayOrder: z.number().optional() })),
});
const NewGroup = z.strictObject({ name: z.string(), label: z.string(), displayOrder: z.number().optional() });

/**
 * The properties of calls, and what they take. `takesUnique`: whether the account lets one have unique values. `listsOutcomes`: whether the property
 * of call outcomes says which there are; it takes the same ones either way.
 */
export function createProperties(options: {
  initial: PropertyDefinition[];
  takesUnique: boolean;
  listsOutcomes: boolean;
  isOwner(id: string): boolean;
}) {
  const { initial, takesUnique, listsOutcomes, isOwner } = options;
  const groups = [{ name: GROUP, label: "Call information", displayOrder: 0, archived: false }];
  const properties = new Map(initial.map((property) => [property.name, property]));

  function ownerFault(name: string, value: string): Fault | undefined {
    return name === "hubspot_owner_id" && value !== "" && !isOwner(value) ? { name, error: "INVALID_OWNER_ID", message: "" } : undefined;
  }

  return {
    groups: () => ({ results: groups }),
    createGroup(body: unknown) {
      const { name, label, displayOrder = -1 } = parseBody(NewGroup, body);
      const group = { name, label, displayOrder, archived: false };
      groups.push(group);
      return group;
    },
    names: () => [...properties.keys()],
    isUnique: (name: string) => properties.get(name)?.hasUniqueValue === true,
    uniqueNames: () => [...properties.values()].filter(({ hasUniqueValue }) => hasUniqueValue).map(({ name }) => name),
    get(name: string) {
      const property = properties.get(name);
      if (!property) throw new Refusal(404, { message: `Property ${name} does not exist`, category: "OBJECT_NOT_FOUND" });
      return shown(name === "hs_call_disposition" && !listsOutcomes ? { ...property, options: [] } : property);
    },
    create(body: unknown) {
      const { hasUniqueValue = false, description: _shownNowhere, ...rest } = parseBody(NewProperty, body);
      if (properties.has(rest.name))
        throw new Refusal(409, { message: `A property named '${rest.name}' already exists.`, category: "OBJECT_ALREADY_EXISTS" });
      // How HubSpot would word it is not documented, nor whether it does.
      if (hasUniqueValue && !takesUnique) throw validationError("Unique values are not supported for properties of object type 0-48");
      if (!groups.some(({ name }) => name === rest.groupName)) throw validationError(`property group "${rest.groupName}" does not exist`);
      const unique = [...properties.values()].filter((one) => one.hasUniqueValue).length;
      if (hasUniqueValue && unique >= 10) throw validationError("An object may have at most 10 properties with unique values");
      const property = { ...rest, hasUniqueValue };
      properties.set(property.name, property);
      return shown(property);
    },
    /** As a person changes the options of a list. */
    update(name: string, body: unknown) {
      const property = properties.get(name);
      if (!property?.options) throw new Refusal(404, { message: `Property ${name} does not exist`, category: "OBJECT_NOT_FOUND" });
      property.options = parseBody(Changes, body).options;
      return shown(property);
    },
    /** @throws {Refusal} all that is wrong with them at once, in HubSpot's words. */
    check(values: Record<string, string>): void {
      const wrong = Object.entries(values).flatMap(
        ([name, value]) => faultOf(properties.get(name), name, value) ?? ownerFault(name, value) ?? [],
      );
      if (wrong.length > 0) throw invalidProperties(wrong);
    },
  };
}

export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const at = parsed.error.issues[0];
  throw validationError(`Invalid input JSON on line 1, column 1: ${at?.path.join(".")}: ${at?.message}`);
}

function shown({ options = [], ...property }: PropertyDefinition) {
  const shownOptions = options.map(({ label, value, hidden = false }, displayOrder) => ({ label, value, displayOrder, hidden }));
  return { ...property, description: "", options: shownOptions, archived: false, hidden: false, calculated: false };
}

interface Fault {
  name: string;
  error: string;
  message: string;
}

function faultOf(property: PropertyDefinition | undefined, name: string, value: string): Fault | undefined {
  if (!property) return { name, error: "PROPERTY_DOESNT_EXIST", message: `Property "${name}" does not exist` };
  if (value === "") return undefined;
  if (property.options && !property.options.some((option) => option.value === value)) {
    const allowed = property.options.map((option) => option.value).join(", ");
    return { name, error: "INVALID_OPTION", message: `${value} was not one of the allowed options: [${allowed}]` };
  }
  if (property.type === "number" && !/^-?\d+(\.\d+)?$/.test(value)) {
    return { name, error: "INVALID_INTEGER", message: `${value} was not a valid number.` };
  }
  // Unix milliseconds, or ISO 8601 in UTC.
  if (property.type === "datetime" && !/^\d{12,14}$|^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(value)) {
    return { name, error: "INVALID_DATE", message: `${value} was not a valid date.` };
  }
  if (name === "hs_call_recording_url" && !/^https:\/\/.+/.test(value)) {
    return { name, error: "INVALID_URL", message: "The URL of a recording must be https" };
  }
  if (value.length > MAX_TEXT_CHARS)
    return { name, error: "VALUE_TOO_LONG", message: `${name} is longer than ${MAX_TEXT_CHARS} characters` };
  return undefined;
}

function invalidProperties(faults: Fault[]): Refusal {
  const listed = faults.map(({ message, error, name }) => ({
    isValid: false,
    message,
    error,
    name,
    localizedErrorMessage: message,
    portalId: 4242,
  }));
  const errors = faults.map(({ message, error, name }): ErrorDetail => ({ message, code: error, context: { propertyName: [name] } }));
  return validationError(`Property values were not valid: ${JSON.stringify(listed)}`, { errors });
}
