import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const POM = join(import.meta.dirname, "pom.xml");
const COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
const OLDEST_JAVA = 17;

/** A folder with the jars that pom.xml names, fetched once per machine, or what is missing to fetch them. */
export async function kafkaJars(): Promise<{ folder: string } | { missing: string }> {
  const java = await javaVersion();
  if (java === undefined || java < OLDEST_JAVA) {
    const found = java === undefined ? "there is no java" : `java is ${java}`;
    return { missing: `${found}; install Java ${OLDEST_JAVA} or newer with Maven, or start Docker, or set KAFKA_BROKERS` };
  }
  const version = createHash("sha256").update(readFileSync(POM)).digest("hex").slice(0, 12);
  const folder = join(cacheFolder(), `kafka-${version}`);
  if (existsSync(folder)) return { folder };

  // Fetched aside and renamed into place: a second process at the same time never sees half of it.
  const aside = `${folder}.${process.pid}-${randomBytes(3).toString("hex")}`;
  mkdirSync(aside, { recursive: true });
  try {
    await run("mvn", ["-q", "-B", "-f", POM, COPY, "-DincludeScope=runtime", `-DoutputDirectory=${aside}`], { timeout: 240_000 });
    renameSync(aside, folder);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    const { code, stdout = "" } = error as { code?: unknown; stdout?: string };
    if (code === "ENOTEMPTY" || code === "EEXIST") return { folder };
    if (code === "ENOENT")
      return { missing: "there is no Maven (mvn) to fetch Kafka's jars; install it, or start Docker, or set KAFKA_BROKERS" };
    return { missing: `Maven could not fetch Kafka's jars: ${stdout.split("\n").find((line) => line.includes("ERROR")) ?? String(code)}` };
  }
  return { folder };
}

/** `openjdk version "17.0.15" 2025-04-15`: Java prints its version on stderr. */
async function javaVersion(): Promise<number | undefined> {
  try {
    const { stderr } = await run("java", ["-version"], { timeout: 20_000 });
    const version = Number(/version "(\d+)/.exec(stderr)?.[1]);
    return Number.isNaN(version) ? undefined : version;
  } catch {
    return undefined;
  }
}

function cacheFolder(): string {
  const base =
    process.env.XDG_CACHE_HOME ??
    (process.platform === "win32"
      ? (process.env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"))
      : join(homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache"));
  return join(base, "patchbay-tests");
}
