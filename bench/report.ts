import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

/** Machine and versions: without them a figure says nothing. */
export function printMachine(): void {
  const versionOf = (name: string) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;
  const [cpu] = cpus();
  console.log(`machine  ${cpu?.model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}, loopback only`);
  console.log(
    `versions node ${process.version}, sqlite ${process.versions.sqlite}, kafkajs ${versionOf("kafkajs")}, hono ${versionOf("hono")}, @hono/node-server ${versionOf("@hono/node-server")}\n`,
  );
}

export function printFigure(what: string, value: string, target?: string): void {
  console.log(`${what.padEnd(62)} ${value.padStart(22)}${target ? `   to reach: ${target}` : ""}`);
}

export function quantile(sorted: number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

/** CPU seconds that a process has used so far, user and system, from Linux' /proc. */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function rssMbOf(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mb = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { now: mb("VmRSS"), peak: mb("VmHWM") };
}
