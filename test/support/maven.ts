import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { promisify, stripVTControlCharacters } from "node:util";
import { type Fetched, fetchedOnce } from "./fetched.ts";

const run = promisify(execFile);
const COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
const OLDEST_JAVA = 17;
/** A registry in a hurry: some hundred jars. */
const FETCH_WITHIN_MS = 240_000;

/** A folder with the jars that a pom.xml names, fetched once per machine, or what is missing to fetch them. */
export async function jarsOf(options: { name: string; pom: string; withinMs?: number }): Promise<Fetched> {
  const { name, pom, withinMs = FETCH_WITHIN_MS } = options;
  const java = await javaVersion();
  if (java === undefined || java < OLDEST_JAVA)
    return { missing: `${java === undefined ? "there is no java" : `java is ${java}`}; install Java ${OLDEST_JAVA} or newer with Maven` };
  const version = createHash("sha256").update(readFileSync(pom)).digest("hex").slice(0, 12);
  return fetchedOnce({
    name: `${name}-${version}`,
    async fetch(folder) {
      try {
        const flags = ["-q", "-B", "-f", pom, "-Dmaven.artifact.threads=16", "-DincludeScope=runtime", `-DoutputDirectory=${folder}`];
        await run("mvn", [...flags, COPY], { timeout: withinMs });
        return undefined;
      } catch (error) {
        const { code, killed, stdout = "" } = error as { code?: unknown; killed?: boolean; stdout?: string };
        if (code === "ENOENT") return { missing: `there is no Maven (mvn) to fetch ${name}'s jars; install it` };
        const said = stripVTControlCharacters(stdout.split("\n").find((line) => line.includes("ERROR")) ?? String(code));
        return { missing: `Maven could not fetch ${name}'s jars: ${killed ? `it took more than ${withinMs / 1_000} s` : said}` };
      }
    },
  });
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
