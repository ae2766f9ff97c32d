import type { Agent } from "../model/describe.ts";
import type { RoutesDocument } from "./document.ts";
import type { Problems } from "./problems.ts";
import { E164, type RoutesFile } from "./schema.ts";
import { type Environment, resolveVariables } from "./variables.ts";

/** Own numbers and agents: what the file knows about calls. */
export function loadShared(options: {
  file: RoutesFile;
  document: RoutesDocument;
  env: Environment;
  resolve: boolean;
  problems: Problems;
}): {
  ownNumbers: string[];
  agents: Agent[];
} {
  const { file, document, env, resolve, problems } = options;
  let complete = true;
  const fill = <T>(value: T, base: string[]): T => {
    const resolved = resolveVariables({ value, base, document, env, resolve });
    for (const finding of resolved.findings) problems.add(finding);
    complete &&= resolved.open.length === 0;
    return resolved.value as T;
  };
  const ownNumbers = fill(file.own_numbers ?? [], ["own_numbers"]);
  const agents = Object.entries(fill(file.agents ?? {}, ["agents"])).map(([key, agent]) => ({ key, ...agent }));

  const lines = new Map<string, number>();
  for (const [index, number] of ownNumbers.entries()) {
    const at = document.at(["own_numbers", index]);
    if (complete && !E164.test(number)) problems.add({ at, message: "the variable does not hold a phone number such as +18005551234" });
    if (lines.has(number)) problems.warn({ at, message: "this number is here twice", hint: `The first is on line ${lines.get(number)}.` });
    else lines.set(number, at.line);
  }
  const first = new Map<string, Agent>();
  for (const agent of agents) {
    const twin = first.get(agent.id);
    if (twin) {
      const hint = `A call names its agent by id: one of "${twin.key}" and "${agent.key}" would never be seen.`;
      problems.add({ at: document.at(["agents", agent.key, "id"]), message: `the agent "${twin.key}" has this id already`, hint });
    } else first.set(agent.id, agent);
  }
  return { ownNumbers, agents };
}
