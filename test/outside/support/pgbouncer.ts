import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { freePorts } from "../../support/ports.ts";

const run = promisify(execFile);

/** PgBouncer of the system (Debian: `apt-get install pgbouncer`), or why there is none. In CI it must be there. */
export async function pgbouncerVersion(): Promise<{ version: string } | { missing: string }> {
  try {
    const { stdout } = await run("pgbouncer", ["--version"]);
    return { version: stdout.split("\n", 1)[0] ?? "" };
  } catch {
    const missing = "there is no pgbouncer on this machine (apt-get install pgbouncer)";
    if (process.env.CI) throw new Error(missing);
    return { missing };
  }
}

/** In front of a PostgreSQL, in transaction mode. `settings`, `databases`: further lines of its file. @returns a URL that leads through it to `database`. */
export async function startPgBouncer(options: {
  postgres: string;
  database: string;
  settings?: string[];
  databases?: string[];
}): Promise<{ url: string; stop(): Promise<void> }> {
  const { database, settings = [], databases = [] } = options;
  const { hostname, port, username, password } = new URL(options.postgres);
  const [listenPort] = await freePorts(1);
  const folder = mkdtempSync(join(tmpdir(), "patchbay-pgbouncer-"));
  chmodSync(folder, 0o755);
  const file = join(folder, "pgbouncer.ini");
  writeFileSync(
    file,
    `[databases]
${database} = host=${hostname} port=${port} dbname=${database} user=${username} password=${password}
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
    ...(process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}),
  });
  child.stderr?.on("data", (chunk) => said.push(String(chunk)));
  const ended = once(child, "close");
  const url = `postgres://app@127.0.0.1:${listenPort}/${database}`;
  const answers = async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query("SELECT 1");
    await client.end();
  };
  for (let tries = 1; ; tries += 1) {
    try {
      await answers();
      break;
    } catch (error) {
      if (child.exitCode !== null || tries === 100) throw new Error(`PgBouncer does not answer:\n${said.join("")}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return {
    url,
    async stop() {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
