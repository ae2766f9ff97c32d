import type { Connector } from "../../connector/index.ts";
import type { Agent } from "../../model/describe.ts";
import type { Destination } from "../../route.ts";
import type { Problems } from "../diagnose/problems.ts";
import type { RoutesDocument } from "../file/document.ts";
import type { RouteEntry } from "../file/schema.ts";

/** A connector that logs calls on the people who have the customer's number: its `with` says which of several people. */
export function matchesPeople(connector: Connector): boolean {
  return "match" in connector.with.shape;
}

/**
 * A route to a CRM, in a file that may not tell which side of a call the customer is: a warning, once, at the first such route. VoiceInfra does not
 * say which way a call went.
 */
export function checkDirection(options: {
  routes: readonly RouteEntry[];
  destinations: ReadonlyMap<string, Destination>;
  ownNumbers: readonly string[];
  agents: readonly Agent[];
  document: RoutesDocument;
  problems: Problems;
}): void {
  const { routes, destinations, ownNumbers, agents, document, problems } = options;
  const index = routes.findIndex(({ to }) => {
    const destination = destinations.get(to);
    return destination !== undefined && matchesPeople(destination.connector);
  });
  if (index === -1) return;
  const undirected = agents.filter(({ direction }) => direction === undefined);
  const noAgent = undirected.length === agents.length;
  if (ownNumbers.length > 0 && !noAgent) return;

  const missing = ownNumbers.length > 0 ? "no agent has a direction, and a line may be missing in own_numbers" : "own_numbers is empty";
  problems.warn({
    at: document.at(["routes", index, "to"]),
    message: `of a call without metadata.direction nobody may know which side is the customer: ${missing}`,
    hint: `Such a call has direction "unknown", and both of its numbers are looked up. List your numbers in own_numbers, and give ${agentsIn(agents)} its direction: inbound or outbound.`,
  });
}

function agentsIn(agents: readonly Agent[]): string {
  return agents.length === 0 ? "each agent, under agents," : "each agent";
}
