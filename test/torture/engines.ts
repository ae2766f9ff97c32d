import { randomUUID } from "node:crypto";
import type { SceneEngine } from "./scene.ts";

export const EMBEDDED: SceneEngine = {
  name: "embedded",
  logUrl: (folder) => `sqlite:${folder}/log.db`,
  ledgerUrl: (folder) => `sqlite:${folder}/ledger.db`,
};

/** Each scene has topics and a schema of its own. */
export function kafkaEngine(options: { brokers: string; postgresUrl: string }): SceneEngine {
  const { brokers, postgresUrl } = options;
  const idOf = new Map<string, string>();
  const id = (folder: string) => {
    const known = idOf.get(folder) ?? randomUUID().slice(0, 8);
    idOf.set(folder, known);
    return known;
  };
  return {
    name: "Kafka",
    logUrl: (folder) => `kafka://${brokers}?prefix=torture${id(folder)}.&partitions=3`,
    ledgerUrl: (folder) => `${postgresUrl}?schema=torture_${id(folder)}`,
  };
}
