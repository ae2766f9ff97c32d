/** routes.yaml: the one file that users wire calls with. */
export { type AllConnectors, withExternalConnectors } from "./external-connectors.ts";
export { formatProblems, problemOf } from "./format.ts";
export { loadIngressSources } from "./ingress-sources.ts";
export { type LoadedRoutes, type LoadOptions, loadRoutes } from "./load.ts";
export type { Role } from "./role.ts";
export type { Source } from "./sources.ts";
export { watchRoutesFile } from "./watch.ts";
