import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "../ports.ts";

const run = promisify(execFile);

export interface JavaBroker {
  /** `127.0.0.1:<port>` */
  address: string;
  /** Of the listeners that were asked for besides, by name: `127.0.0.1:<port>`. */
  addresses: Record<string, string>;
  logFile: string;
  /** Where its topics lie, a folder for each partition. */
  dataFolder: string;
  /** Resolves when the process has ended by itself, by `crash` or by `kill`. */
  ended(): Promise<void>;
  /** SIGKILL; its data stays. */
  crash(): Promise<void>;
  /** Ends it in order, so that it takes its data as it finds it when it starts again. */
  stop(): Promise<void>;
  /** After a crash or a stop, on the same data and the same port. It may not answer yet. */
  startAgain(): void;
  /** Ends it at once (its data is thrown away with it) and waits until it is gone. */
  kill(): Promise<void>;
}

/** A broker's place in a cluster of several, each of which is a controller too. */
export interface ClusterMember {
  nodeId: number;
  clusterId: string;
  port: number;
  controllerPort: number;
  /** `1@127.0.0.1:9093,2@…`: all controllers. */
  voters: string;
  /** Lines for server.properties that win over those of a single broker. */
  properties: string[];
}

/** 16 random bytes as base64url. Never with a `-` in front: Kafka's command line takes that for an option (Kafka's own `Uuid.randomUuid` avoids it too). */
export function newClusterId(): string {
  const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
  return id.startsWith("-") ? newClusterId() : id;
}

export interface BrokerOptions {
  /** By default one that no other broker has. */
  clusterId?: string;
  /** Lines for server.properties that win over those of the file. */
  properties?: string[];
  /** Besides the plain one, by name, each with its security protocol: `{ LOGIN: "SASL_PLAINTEXT" }`. */
  listeners?: Record<string, string>;
}

/** Formats a data folder of its own and starts `kafka.Kafka`, alone on free ports unless it is a member. It may not answer yet. */
export async function startJavaBroker(options: BrokerOptions & { jars: string; member?: ClusterMember }): Promise<JavaBroker> {
  const { jars, member, clusterId = newClusterId(), listeners: more = {} } = options;
  const names = Object.keys(more);
  const folder = mkdtempSync(join(tmpdir(), "patchbay-kafka-"));
  const logFile = join(folder, "kafka.log");
  const classPath = join(jars, "*");
  const dataFolder = join(folder, "data");
  const [port, controllerPort, ...morePorts] = member ? [member.port, member.controllerPort] : await freePorts(2 + names.length);
  const address = `127.0.0.1:${port}`;
  const addresses = Object.fromEntries(names.map((name, index) => [name, `127.0.0.1:${morePorts[index]}`]));
  const own = names.map((name) => `${name}://${addresses[name]}`);
  const listeners = [`PLAINTEXT://${address}`, `CONTROLLER://127.0.0.1:${controllerPort}`, ...own].join();
  const properties = join(folder, "server.properties");
  writeFileSync(
    properties,
    [
      readFileSync(join(import.meta.dirname, "server.properties"), "utf8"),
      `node.id=${member?.nodeId ?? 1}`,
      `listeners=${listeners}`,
      `advertised.listeners=${listeners}`,
      member ? `controller.quorum.voters=${member.voters}` : `controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}`,
      `log.dirs=${dataFolder.replaceAll("\\", "/")}`,
      `listener.security.protocol.map=${["CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT", ...names.map((name) => `${name}:${more[name]}`)].join()}`,
      ...(member?.properties ?? []),
      ...(options.properties ?? []),
    ].join("\n"),
  );

  const logging = `-Dlog4j2.configurationFile=${join(import.meta.dirname, "log4j2.xml")}`;
  const format = [
    "kafka.tools.StorageTool",
    "format",
    ...(member ? [] : ["--standalone"]),
    "-t",
    member?.clusterId ?? clusterId,
    "-c",
    properties,
  ];
  await run("java", ["-XX:TieredStopAtLevel=1", logging, "-cp", classPath, ...format]);

  function start(): { child: ChildProcess; ended: Promise<void> } {
    const log = openSync(logFile, "a");
    try {
      const child = spawn(
        "java",
        ["-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", logging, "-cp", classPath, "kafka.Kafka", properties],
        { stdio: ["ignore", log, log] },
      );
      return { child, ended: once(child, "exit").then(() => undefined) };
    } finally {
      closeSync(log);
    }
  }
  let running = start();
  const endWithUs = () => running.child.kill("SIGKILL");
  process.once("exit", endWithUs);

  async function crash(): Promise<void> {
    running.child.kill("SIGKILL");
    await running.ended;
  }

  return {
    address,
    addresses,
    logFile,
    dataFolder,
    ended: () => running.ended,
    crash,
    async stop() {
      running.child.kill("SIGTERM");
      await running.ended;
    },
    startAgain() {
      running = start();
    },
    async kill() {
      await crash();
      process.off("exit", endWithUs);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
