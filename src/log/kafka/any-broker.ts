import type { Broker, Cluster } from "./driver/types.ts";
import { DENIED, hasErrorCode } from "./errors.ts";

const GROUP_COORDINATOR = 0;

/** Asks one broker after the other until one answers. @throws an error that says that we may not, else the last one. */
export async function askAnyBroker<T>(cluster: Cluster, question: (broker: Broker) => Promise<T>): Promise<T> {
  await cluster.connect();
  await cluster.refreshMetadataIfNecessary();
  let failure: unknown = new Error("no broker is known");
  for (const nodeId of cluster.getNodeIds()) {
    try {
      return await question(await cluster.findBroker({ nodeId }));
    } catch (error) {
      if (!hasErrorCode(failure, DENIED)) failure = error;
    }
  }
  throw failure;
}

/** The node that coordinates a group. kafkajs' own look-up hides what the brokers answer, also where this user may not ask. */
export async function findCoordinator(cluster: Cluster, groupId: string): Promise<number> {
  const { coordinator } = await askAnyBroker(cluster, (broker) =>
    broker.findGroupCoordinator({ groupId, coordinatorType: GROUP_COORDINATOR }),
  );
  return coordinator.nodeId;
}
