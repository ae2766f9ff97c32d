import type { Agent } from "../../model/describe.ts";
import { toE164 } from "../../model/phone.ts";
import { numberProblem } from "../diagnose/phone-numbers.ts";
import type { Problems } from "../diagnose/problems.ts";
import type { RoutesDocument } from "../file/document.ts";
import { isEmailAddress, type RoutesFile } from "../file/schema.ts";
import { type Environment, resolveVariables } from "../file/variables.ts";

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
    const problem = complete ? numberProblem(number) : undefined;
    if (problem !== undefined) problems.add({ at, message: `what the variable holds ${problem}` });
    else if (complete && toE164(number) === "") {
      problems.warn({ at, message: "no phone number of its country has so many digits", hint: "Is one missing, or too many?" });
    }
    if (lines.has(number)) problems.warn({ at, message: "this number is here twice", hint: `The first is on line ${lines.get(number)}.` });
    else lines.set(number, at.line);
  }
  const first = new Map<string, Agent>();
  for (const agent of agents) {
    checkAgent({ agent, complete, document, problems });
    const twin = first.get(agent.id);
    if (twin) {
      const hint = `A call names its agent by id: one of "${twin.key}" and "${agent.key}" would never be seen.`;
      problems.add({ at: document.at(["agents", agent.key, "id"]), message: `the agent "${twin.key}" has this id already`, hint });
    } else first.set(agent.id, agent);
  }
  return { ownNumbers, agents };
}

function checkAgent(options: { agent: Agent; complete: boolean; document: RoutesDocument; problems: Problems }): void {
  const { agent, complete, document, problems } = options;
  const at = (field: string) => document.at(["agents", agent.key, field]);
  if (agent.id !== agent.id.trim()) {
    problems.warn({
      at: at("id"),
      message: "the id begins or ends with white space",
      hint: "VoiceInfra's ids have none: no call would be this agent's.",
    });
  }
  if (complete && agent.owner !== undefined && !isEmailAddress(agent.owner)) {
    problems.add({ at: at("owner"), message: "what the variable holds must be an email address" });
  }
}
