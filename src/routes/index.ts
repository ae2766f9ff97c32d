/** routes.yaml: the one file that users wire calls with. */

export type { Role } from "./compile/role.ts";
export { formatProblems, problemOf } from "./diagnose/format.ts";
export { loadIngressSources } from "./file/ingress-sources.ts";
export type { Source } from "./file/sources.ts";
export { watchRoutesFile } from "./file/watch.ts";
export { type LoadedRoutes, type LoadOptions, loadRoutes } from "./load.ts";
export { type AllConnectors, withExternalConnectors } from "./plugins/external-connectors.ts";
