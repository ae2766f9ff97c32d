import { didYouMean } from "../../lib/text/did-you-mean.ts";
import type { Share } from "../../model/call.ts";
import { RELATED_NAMES, shareWordOf, VISIBLE_NAMES } from "../compile/template-fields.ts";
import type { TemplateFinding } from "./finding.ts";

const NAMES = new Map(VISIBLE_NAMES.map((one) => [one.name as string, one]));
const RELATED = RELATED_NAMES.map(({ name }) => name);
const PERSON_FIELDS = RELATED.flatMap((name) => (name.startsWith("person.") ? [name.slice("person.".length)] : []));
const RELATED_ROOTS = [...new Set(RELATED.map((name) => name.split(".", 1)[0] as string))];
/** What Liquid can ask of a text or a list. */
const PROPERTIES = new Set(["size", "first", "last"]);

/** The route that is waited for, as far as templates ask. */
export interface Awaited {
  route: string;
  /** Of its destination's connector: `HubSpot`. */
  title: string;
  /** It logs calls on people, so that there may be one. */
  knowsPeople: boolean;
}

type NameFinding = Omit<TemplateFinding, "offset">;

function checkRelated(name: string, property: unknown, after: Awaited | undefined): NameFinding | undefined {
  if (!after) {
    const hint = "Add after: { route: <id of the route to the CRM>, wait: 60s }: its receipt brings it.";
    return { message: `"${name}" is known only to a route with "after"`, hint };
  }
  const fields = name === "person" ? PERSON_FIELDS : [...PROPERTIES];
  if (typeof property !== "string" || fields.includes(property)) {
    if (name !== "person" || after.knowsPeople) return undefined;
    const hint = "Let after name a route to a CRM.";
    return {
      message: `there is never a person here: "${after.route}" goes to ${after.title}, which knows none`,
      hint,
      severity: "warning",
    };
  }
  const known = name === "person" ? `Known here: ${PERSON_FIELDS.map((field) => `person.${field}`).join(", ")}.` : "It is a text.";
  return { message: `"${name}" has no field "${property}"`, hint: didYouMean(property, fields) ?? known };
}

/** What is wrong with a name that a template asks for; undefined where nothing is. */
export function checkName(
  name: string,
  property: unknown,
  of: { share: readonly Share[]; after: Awaited | undefined },
): NameFinding | undefined {
  const { share, after } = of;
  // `offset:continue` of a loop is a word of Liquid's.
  if (name === "continue") return undefined;
  const known = NAMES.get(name);
  if (RELATED_ROOTS.includes(name)) return checkRelated(name, property, after);
  if (!known) {
    const hint = didYouMean(name, [...NAMES.keys(), ...(after ? RELATED_ROOTS : [])]) ?? "The names are in docs/routes.md.";
    return { message: `unknown name "${name}" in a template`, hint };
  }
  const word = shareWordOf(name);
  if (word && !share.includes(word)) {
    return {
      message: `the template uses "${name}", which this route does not share`,
      hint: `Add ${word} to share: [${[...share, word].join(", ")}].`,
    };
  }
  if (known.type !== "dyn" && typeof property === "string" && !PROPERTIES.has(property)) {
    return {
      message: `"${name}" has no field "${property}"`,
      hint: NAMES.has(`${name}_${property}`) ? `did you mean "${name}_${property}"?` : "Only metadata has fields.",
    };
  }
  return undefined;
}
