import { createServer, type IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";

/** The real engine, in this process (npm `chdb`). */
interface Session {
  query(sql: string, format: string): string;
  close(): void;
}

export interface ClickHouse {
  version: string;
  /** `clickhouse://user:password@host:port/database` */
  url(changes?: { user?: string; password?: string; database?: string }): string;
  /** As an administrator, in the database. Rows of a SELECT. */
  run(sql: string): Record<string, unknown>[];
  /** Statements that came over HTTP so far. */
  statements: string[];
  /** Whether answers have the header with numbers of rows, which a proxy may take. */
  summarise(does: boolean): void;
  /** Runs before each statement that came over HTTP, to be another writer in between. */
  meanwhile(run: ((sql: string) => void) | undefined): void;
  close(): void;
}

const USER = "patchbay";
const PASSWORD = "right pass/word";
const DATABASE = "voice";

/** What the HTTP interface takes beside settings. */
const PARAMETERS = new Set(["query", "query_id", "database", "default_format", "session_id", "enable_http_compression", "role"]);

/**
 * ClickHouse's HTTP interface before the real engine, which has none in this process: statement and data in body, address or form, `param_…`, settings,
 * login, exceptions with their code (ClickHouse docs, "HTTP Interface"). The engine is 546 MB and therefore no dependency:
 * `npm install --no-save chdb`, or the folder of an installed copy in PATCHBAY_CHDB.
 * @throws {Error} in CI, where it is not there.
 */
export async function startClickHouse(): Promise<ClickHouse | { missing: string }> {
  let SessionOf: new () => Session;
  try {
    const from = process.env.PATCHBAY_CHDB ? pathToFileURL(`${process.env.PATCHBAY_CHDB}/`) : import.meta.url;
    SessionOf = createRequire(from)(process.env.PATCHBAY_CHDB ?? "chdb").Session;
  } catch {
    const missing = "the ClickHouse engine is not installed: npm install --no-save chdb, or name its folder in PATCHBAY_CHDB";
    if (process.env.CI) throw new Error(`no ClickHouse for the tests: ${missing}`);
    return { missing };
  }
  const session = new SessionOf();
  const statements: string[] = [];
  let summarises = true;
  let meanwhile: ((sql: string) => void) | undefined;
  session.query(`CREATE DATABASE ${DATABASE}`, "TSV");
  const run = (sql: string) => linesOf(session.query(sql, "JSONEachRow"));
  session.query(`USE ${DATABASE}`, "TSV");

  const server = createServer(async (request, response) => {
    const fail = (code: number, text: string, status = 500) =>
      response
        .writeHead(status, { "content-type": "text/plain; charset=UTF-8", "x-clickhouse-exception-code": String(code) })
        .end(`Code: ${code}. DB::Exception: ${text} (version ${version} (official build))\n`);
    const { sql, parameters } = await statementOf(request);
    const login = Buffer.from(request.headers.authorization?.replace(/^Basic /, "") ?? "", "base64").toString();
    if (login !== `${USER}:${PASSWORD}`) {
      return fail(516, `${login.split(":")[0]}: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)`, 403);
    }
    const database = parameters.get("database") ?? "default";
    if (![DATABASE, "default"].includes(database)) return fail(81, `Database ${database} does not exist. (UNKNOWN_DATABASE)`, 404);
    try {
      for (const [name, value] of parameters) if (!PARAMETERS.has(name)) session.query(`SET ${name} = ${literal(value)}`, "TSV");
      statements.push(sql);
      meanwhile?.(sql);
      const answer = session.query(sql, parameters.get("default_format") ?? "TSV");
      const summary = summarises ? { "x-clickhouse-summary": JSON.stringify({ written_rows: String(writtenBy(sql)) }) } : {};
      response.writeHead(200, { "content-type": "application/x-ndjson; charset=UTF-8", ...summary }).end(answer);
    } catch (error) {
      const [, code = "1", text = ""] = /Code: (\d+)\. DB::Exception: (.*)$/s.exec(error instanceof Error ? error.message : "") ?? [];
      fail(Number(code), text);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const version = String(run("SELECT version() AS version")[0]?.version);

  return {
    version,
    run,
    statements,
    summarise: (does) => {
      summarises = does;
    },
    meanwhile: (next) => {
      meanwhile = next;
    },
    url: ({ user = USER, password = PASSWORD, database = DATABASE } = {}) =>
      `clickhouse://${user}:${encodeURIComponent(password)}@127.0.0.1:${(server.address() as AddressInfo).port}/${database}`,
    close() {
      server.closeAllConnections();
      server.close();
      session.close();
    },
  };
}

async function statementOf(request: IncomingMessage): Promise<{ sql: string; parameters: Map<string, string> }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const parameters = new Map(new URL(request.url ?? "/", "http://localhost").searchParams);
  const type = request.headers["content-type"] ?? "";
  if (!type.startsWith("multipart/form-data"))
    return { sql: [parameters.get("query"), body.toString()].filter(Boolean).join("\n"), parameters };
  for (const [name, value] of await new Response(body, { headers: { "content-type": type } }).formData())
    parameters.set(name, String(value));
  return { sql: parameters.get("query") ?? "", parameters };
}

/** Of an INSERT in JSONEachRow, all of whose rows the engine has taken; of any other statement none. */
function writtenBy(sql: string): number {
  return /^INSERT INTO/.test(sql) ? (sql.match(/\n\{/g) ?? []).length : 0;
}

function linesOf(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
}

function literal(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
