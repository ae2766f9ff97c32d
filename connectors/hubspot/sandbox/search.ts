import { z } from "zod";
import { validationError } from "./errors.ts";
import { parseBody } from "./properties.ts";

/** Properties of a contact that an answer has always. */
export const ALWAYS = ["createdate", "email", "firstname", "lastname", "hs_object_id", "lastmodifieddate"];

const MAX_BODY_CHARS = 3_000;
const MAX_FILTERS = 18;
const MAX_RESULTS = 10_000;
/** Not in the guide; HubSpot's own refusal names it. */
const MAX_VALUES = 100;

const Search = z.strictObject({
  query: z.string().optional(),
  limit: z.int().min(1).max(200).optional(),
  after: z.string().regex(/^\d+$/, "must be an integer").optional(),
  sorts: z
    .array(z.strictObject({ propertyName: z.string(), direction: z.enum(["ASCENDING", "DESCENDING"]) }))
    .max(1)
    .optional(),
  properties: z.array(z.string()).optional(),
  filterGroups: z
    .array(
      z.strictObject({
        filters: z
          .array(
            z.union([
              z.strictObject({ propertyName: z.string(), operator: z.enum(["EQ", "CONTAINS_TOKEN"]), value: z.string().min(1) }),
              z.strictObject({ propertyName: z.string(), operator: z.literal("IN"), values: z.array(z.string()).min(1) }),
            ]),
          )
          .max(6),
      }),
    )
    .max(5)
    .optional(),
});

type Values = Record<string, string | undefined>;
type Filter = { propertyName: string } & ({ operator: "EQ" | "CONTAINS_TOKEN"; value: string } | { operator: "IN"; values: string[] });

/** One search as the guide "Search the CRM" has it. `records`: oldest first, as they come without a sort. */
export function runSearch<Item>(options: {
  text: string;
  body: unknown;
  names: ReadonlySet<string>;
  records: Item[];
  valuesOf(record: Item): Values;
  shown(record: Item, wanted: readonly string[]): unknown;
}) {
  const { text, body, names, records, valuesOf, shown } = options;
  if (text.length > MAX_BODY_CHARS) throw validationError("The request body is longer than 3,000 characters");
  const { filterGroups = [], limit = 10, properties = [], sorts = [], after = "0" } = parseBody(Search, body);
  const filters = filterGroups.flatMap((group) => group.filters);
  if (filters.length > MAX_FILTERS) throw validationError(`The maximum number of filters is 18, found ${filters.length}`);
  const many = filters.find((filter) => filter.operator === "IN" && filter.values.length > MAX_VALUES);
  if (many?.operator === "IN") throw validationError(`too many IN list values (count: ${many.values.length}, max allowed: 100)`);
  const unknown = filters.find(({ propertyName }) => !names.has(propertyName));
  if (unknown) {
    const errors = [{ message: "does not exist", code: "PROPERTY_DOESNT_EXIST", context: { propertyName: [unknown.propertyName] } }];
    throw validationError(`There was a problem with the request: property ${unknown.propertyName} does not exist`, { errors });
  }
  const from = Number(after);
  if (from >= MAX_RESULTS) throw validationError("Paging beyond 10,000 results is not supported");
  const found = records.filter((record) => {
    const values = valuesOf(record);
    return filterGroups.some((group) => group.filters.every((filter) => holds(values, filter)));
  });
  const [sort] = sorts;
  if (sort) {
    const sign = sort.direction === "ASCENDING" ? 1 : -1;
    const sorted = (record: Item) => valuesOf(record)[sort.propertyName] ?? "";
    found.sort((a, b) => sign * sorted(a).localeCompare(sorted(b)));
  }
  const to = from + limit;
  const paging = to < found.length ? { paging: { next: { after: String(to), link: "" } } } : {};
  return { total: found.length, results: found.slice(from, to).map((record) => shown(record, properties)), ...paging };
}

function holds(values: Values, filter: Filter): boolean {
  const has = values[filter.propertyName]?.toLowerCase();
  if (has === undefined) return false;
  // "The searched values must be lowercase": a capital letter is found nowhere.
  if (filter.operator === "IN") return filter.values.includes(has);
  const wanted = filter.value.toLowerCase();
  if (filter.operator === "EQ") return has === wanted;
  return tokenMatches(has, wanted);
}

/** Texts are cut into words at whatever is neither letter nor digit; `*` stands for any part of a word. */
function tokenMatches(has: string, wanted: string): boolean {
  const words = has.split(/[^\p{L}\p{N}]+/u);
  const parts = wanted.split("*");
  const [begin = "", end = ""] = [parts[0], parts.at(-1)];
  if (parts.length === 1) return words.includes(wanted);
  const middle = parts.slice(1, -1);
  return words.some((word) => {
    if (!word.startsWith(begin) || !word.endsWith(end) || word.length < begin.length + end.length) return false;
    return middle.every((part) => word.slice(begin.length, word.length - end.length).includes(part));
  });
}
