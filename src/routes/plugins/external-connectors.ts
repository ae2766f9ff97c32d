import type { Connector } from "../../connector/index.ts";
import { createProblems, type Finding } from "../diagnose/problems.ts";
import { readDocument } from "../file/document.ts";
import { importConnectors } from "./connector-module.ts";
import { connectorProblem } from "./connector-shape.ts";

/** Ours and those that routes.yaml names. */
export interface AllConnectors {
  connectors: Record<string, Connector>;
  /** What is wrong with the `connectors` of the file, for the loader to show with everything else. */
  findings: Finding[];
}

/**
 * Loads what routes.yaml lists under `connectors`, relative to the file, and puts it beside ours. A module is loaded once by a process: a change
 * of its code needs a restart. Never throws for what the file says: the loader shows findings at their lines.
 * @param options.path of the routes file; problems of its form are the loader's concern.
 */
export async function withExternalConnectors(options: {
  path: string;
  text: string;
  ours: Record<string, Connector>;
}): Promise<AllConnectors> {
  const { path, text, ours } = options;
  // Most files name none, and are read once.
  if (!text.includes("connectors")) return { connectors: ours, findings: [] };
  const document = readDocument({ text: text.replace(/^\uFEFF/, ""), problems: createProblems(path) });
  const listed = (document.value as { connectors?: unknown } | null | undefined)?.connectors;
  if (!Array.isArray(listed)) return { connectors: ours, findings: [] };

  const connectors = { ...ours };
  const cameFrom = new Map<string, string>();
  const findings: Finding[] = [];
  for (const [index, specifier] of listed.entries()) {
    if (typeof specifier !== "string" || specifier === "") continue;
    const at = document.at(["connectors", index]);
    const loaded = await importConnectors({ specifier, routesFile: path });
    if ("problem" in loaded) {
      findings.push({ at, message: loaded.problem, hint: loaded.hint });
      continue;
    }
    for (const connector of loaded.exported) {
      const problem = connectorProblem(connector);
      if (problem !== undefined) {
        findings.push({
          at,
          message: `${specifier} exports what is no connector: ${problem}`,
          hint: "defineConnector of patchbay/connector checks it while you write.",
        });
        continue;
      }
      const { name } = connector as Connector;
      if (Object.hasOwn(connectors, name)) {
        const owner = cameFrom.get(name);
        const whose = owner === undefined ? "Patchbay has a connector of its own" : `${owner} has a connector`;
        findings.push({ at, message: `the name "${name}" is taken: ${whose} with it`, hint: "Give yours another `name`." });
        continue;
      }
      connectors[name] = connector as Connector;
      cameFrom.set(name, specifier);
    }
  }
  return { connectors, findings };
}
