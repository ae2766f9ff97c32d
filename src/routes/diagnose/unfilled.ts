import type { Path, RoutesDocument } from "../file/document.ts";
import { hasVariables, WITHHELD } from "../file/variable-syntax.ts";
import { NOT_KEPT } from "../file/variables.ts";
import type { Problems } from "./problems.ts";

/**
 * Warns of variables where none are filled in: names, `to`, `when`, `timezone`. Each would stand there as it is written. What the ledger's copy of
 * the file does not have there is an error: the route would be another one.
 */
export function checkUnfilled(options: { document: RoutesDocument; problems: Problems }): void {
  const { document, problems } = options;
  const warn = (at: ReturnType<RoutesDocument["at"]>) =>
    problems.warn({
      at,
      message: "a variable is not filled in here",
      hint: "They work in the values of secrets, destinations, own_numbers, agents and with.",
    });

  function walk(value: unknown, path: Path): void {
    if (typeof value === "string") {
      if (isFilledIn(path)) return;
      if (value.includes(WITHHELD)) problems.add({ at: document.at(path), ...NOT_KEPT });
      else if (hasVariables(value)) warn(document.at(path));
    } else if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) walk(item, [...path, index]);
    } else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        if (hasVariables(key)) warn(document.atKey([...path, key]));
        walk(item, [...path, key]);
      }
    }
  }
  walk(document.value, []);
}

function isFilledIn([top, , field]: Path): boolean {
  if (top === "own_numbers" || top === "agents") return true;
  if (top === "sources") return field === "secrets";
  if (top === "destinations") return field !== "connector";
  return top === "routes" && (field === "with" || field === "description");
}
