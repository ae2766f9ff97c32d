import { storedForms } from "../../src/connector.ts";
import type { Filter } from "./requests.ts";

/** HubSpot's limits of one search (guide "Search the CRM"). A body may have 3,000 characters: what is not filters has room in the rest. */
const MAX_GROUPS = 5;
const MAX_FILTERS = 18;
const MAX_FILTER_CHARS = 2_500;

/** HubSpot's own copies of its two fields, digits only; no country code in them ("you should refrain from including" it), nor leading zeros. */
const SEARCHABLE: Record<string, string> = {
  phone: "hs_searchable_calculated_phone_number",
  mobilephone: "hs_searchable_calculated_mobile_number",
};

type Group = { filters: Filter[] };

/**
 * What finds everybody who may have a number in one of these fields, as one search or several; one group of one of them must hold. They find too
 * much, and too much is told apart in code.
 */
export function searchesFor(options: { number: string; fields: readonly string[] }): Group[][] {
  const { number, fields } = options;
  const national = storedForms(number)[0]?.replace(/^0+/, "");
  if (!national) return [];
  const groups = fields.map((field) => groupsFor({ number, national, field }));
  return packed(groups);
}

/** Of one field, each one filter that is enough or several that must hold together. */
function groupsFor(options: { number: string; national: string; field: string }): Group[] {
  const { number, national, field } = options;
  const copy = SEARCHABLE[field];
  const forms = storedForms(number);
  const contains = (value: string): Filter => ({ propertyName: copy ?? field, operator: "CONTAINS_TOKEN", value });
  const among = (values: string[]): Filter => ({ propertyName: copy ?? field, operator: "IN", values: [...new Set(values)] });
  // A copy of a number whose country HubSpot did not recognise begins with what was typed before it: 0049, 8, 06.
  if (copy !== undefined)
    return [{ filters: [among(forms.map((form) => form.replace(/^0+/, "")))] }, { filters: [contains(`*${national}`)] }];
  return [{ filters: [among([number, ...forms])] }, { filters: [contains(`*${national}*`)] }];
}

/** As few searches as there may be. A field's groups stay together. */
function packed(fields: Group[][]): Group[][] {
  const searches: Group[][] = [];
  for (const groups of fields) {
    const last = searches.at(-1);
    if (last && fits([...last, ...groups])) last.push(...groups);
    else searches.push([...groups]);
  }
  return searches;
}

function fits(groups: Group[]): boolean {
  const filters = groups.flatMap((group) => group.filters);
  return groups.length <= MAX_GROUPS && filters.length <= MAX_FILTERS && JSON.stringify(groups).length <= MAX_FILTER_CHARS;
}
