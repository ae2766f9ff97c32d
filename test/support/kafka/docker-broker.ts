import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { freePorts } from "../ports.ts";

const run = promisify(execFile);
const IMAGE = "apache/kafka:4.3.1";

/** A broker in a container that goes away when it ends; `undefined` where no Docker daemon answers, or none may fetch the image. */
export async function startDockerBroker(): Promise<{ address: string; kill(): Promise<void> } | undefined> {
  try {
    await run("docker", ["info"], { timeout: 3_000 });
    const [port] = await freePorts(1);
    const settings = {
      KAFKA_NODE_ID: "1",
      KAFKA_PROCESS_ROLES: "broker,controller",
      KAFKA_LISTENERS: `PLAINTEXT://:${port},CONTROLLER://:9093`,
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
      KAFKA_CONTROLLER_LISTENER_NAMES: "CONTROLLER",
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
      KAFKA_CONTROLLER_QUORUM_VOTERS: "1@localhost:9093",
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: "false",
      KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: "1",
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: "1",
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: "0",
    };
    const environment = Object.entries(settings).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    const publish = ["-p", `127.0.0.1:${port}:${port}`];
    const { stdout } = await run("docker", ["run", "--rm", "-d", ...publish, ...environment, IMAGE], { timeout: 180_000 });
    const container = stdout.trim();
    return {
      address: `127.0.0.1:${port}`,
      async kill() {
        await run("docker", ["kill", container], { timeout: 30_000 });
      },
    };
  } catch {
    return undefined;
  }
}
