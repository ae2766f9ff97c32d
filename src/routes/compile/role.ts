/**
 * What a process is for, and so which variables it asks for: a container that serves webhooks has no business with a CRM's token.
 * - `check`, `all`: every variable. `check-no-env`: none (for CI).
 * - `connector`: those of the destinations that the named routes, or routes to the named connectors, lead to.
 */
export type Role =
  | { kind: "check" }
  | { kind: "check-no-env" }
  | { kind: "all" }
  | { kind: "connector"; connectors: string[]; routes: string[] };

export function needsSources(role: Role): boolean {
  return role.kind === "check" || role.kind === "all";
}

export function needsRoute(role: Role, route: { id: string; connector: string }): boolean {
  if (role.kind === "connector") return role.routes.includes(route.id) || role.connectors.includes(route.connector);
  return role.kind === "check" || role.kind === "all";
}

/** A destination without routes is asked for its variables by those who ask for all. */
export function needsDestination(role: Role, destination: { connector: string; routes: string[] }): boolean {
  if (role.kind === "check" || role.kind === "all") return true;
  return destination.routes.some((id) => needsRoute(role, { id, connector: destination.connector }));
}

/** Settings of the whole (own numbers, agents) decide what a call means: everybody who reads calls needs them. */
export function needsShared(role: Role): boolean {
  return role.kind !== "check-no-env";
}
