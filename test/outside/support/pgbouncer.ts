import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "../../support/ports.ts";
import { queryPostgres } from "../../support/query-postgres.ts";

const run = promisify(execFile);

/** Debian puts it where a user who is not root does not look. */
const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin` };

/** Why there is no PgBouncer of the system, where there is none. */
export async function pgbouncerMissing(): Promise<{ missing: string | undefined }> {
  const missing = "there is no pgbouncer that runs on this machine (apt-get install pgbouncer)";
  return run("pgbouncer", ["--version"], { env }).then(
    () => ({ missing: undefined }),
    () => ({ missing }),
  );
}

/**
 * In front of a PostgreSQL, in transaction mode.
 * @param options.databases lines of its file for databases; without them it knows every one of the server.
 * @param options.settings further lines.
 * @returns URLs that lead through it.
 */
export async function startPgBouncer(options: {
  postgres: string;
  settings?: string[];
  databases?: string[];
}): Promise<{ urlOf(database: string): string; stop(): Promise<void> }> {
  const { hostname, port, username, password } = new URL(options.postgres);
  const login = `host=${hostname} port=${port} user=${username} password=${password}`;
  const { settings = [], databases = [`* = ${login}`] } = options;
  const [listenPort] = await freePorts(1);
  const folder = mkdtempSync(join(tmpdir(), "patchbay-pgbouncer-"));
  chmodSync(folder, 0o755);
  const file = join(folder, "pgbouncer.ini");
  writeFileSync(
    file,
    `[databases]
${databases.join("\n")}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
${settings.join("\n")}
`,
  );
  const said: string[] = [];
  // It refuses to run as root.
  const child: ChildProcess = spawn("pgbouncer", [file], {
    stdio: ["ignore", "ignore", "pipe"],
    env,
    ...(process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}),
  });
  child.stderr?.on("data", (chunk) => said.push(String(chunk)));
  const ended = once(child, "close");
  const urlOf = (database: string) => `postgres://app@127.0.0.1:${listenPort}/${database}`;
  async function stop(): Promise<void> {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
  // Its own database answers, whichever others it knows.
  const answers = () => queryPostgres(urlOf("pgbouncer").replace("app@", "pgbouncer@"), "SHOW VERSION");
  for (let tries = 1; ; tries += 1) {
    try {
      await answers();
      return { urlOf, stop };
    } catch (error) {
      if (child.exitCode === null && tries < 100) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      await stop();
      throw new Error(`PgBouncer does not answer:\n${said.join("")}`, { cause: error });
    }
  }
}
