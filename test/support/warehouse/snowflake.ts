import { createHash, createPublicKey, generateKeyPairSync, randomUUID, verify } from "node:crypto";
import { openScratch } from "./scratch.ts";
import { CONTEXT, isDescribe, Refused, statement, wordsOf } from "./snowflake-sql.ts";

const ACCOUNT = "ACME-CALLS";
const USER = "PATCHBAY";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const { publicKey, privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const FINGERPRINT = createHash("sha256")
  .update(createPublicKey(publicKey).export({ type: "spki", format: "der" }))
  .digest("base64");

/**
 * The part of Snowflake's SQL API that we use (docs.snowflake.com/en/developer-guide/sql-api/reference). It takes the statements that we send and
 * no others. Written from the documentation; never compared with the real service.
 */
export async function createSnowflakeStandIn() {
  const scratch = await openScratch();
  const requests: { requestId: string; retry: boolean; statement: string; executed: boolean; bytes: number }[] = [];
  const answers = new Map<string, Response>();
  const running = new Map<string, { answer: Response; polls: number }>();
  let faults: Response[] = [];
  let slow = false;
  let losesAnswer = false;
  let stats: (counted: Record<string, number> | null) => Record<string, number> | null = (counted) => counted;

  const refuse = (status: number, code: string, sqlState: string, message: string, headers: Record<string, string> = {}) =>
    Response.json({ code, sqlState, message, statementHandle: randomUUID() }, { status, headers });

  async function fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (!isLoggedIn(request)) return Response.json({ code: "390144", message: `JWT token is invalid. [${randomUUID()}]` }, { status: 401 });
    if (!request.headers.get("user-agent") || !request.headers.get("accept")?.includes("application/json")) {
      return refuse(400, "391902", "08006", "Unsupported Accept header");
    }
    const handle = /^\/api\/v2\/statements\/([\w-]+)$/.exec(pathname)?.[1];
    if (request.method === "GET" && handle) return ask(handle);
    if (request.method !== "POST" || pathname !== "/api/v2/statements") return refuse(404, "", "", "Not Found");
    if (!request.headers.get("content-type")?.startsWith("application/json"))
      return refuse(415, "391901", "08006", "Unsupported Media Type");

    const requestId = searchParams.get("requestId") ?? randomUUID();
    if (!UUID.test(requestId)) return refuse(400, "391903", "08006", "Invalid requestId");
    const text = await request.text();
    const body = JSON.parse(text);
    const retry = searchParams.get("retry") === "true";
    const known = retry ? answers.get(requestId) : undefined;
    const describes = isDescribe(body.statement);
    const fault = describes ? undefined : faults.shift();
    requests.push({ requestId, retry, statement: body.statement, executed: !known && !fault, bytes: Buffer.byteLength(text) });
    if (fault) return fault;
    if (known) return known.clone();
    const answer = await execute(body);
    answers.set(requestId, answer.clone());
    if (losesAnswer && !describes) {
      losesAnswer = false;
      throw new Error("the connection is lost");
    }
    if (!slow) return answer;
    const statementHandle = randomUUID();
    running.set(statementHandle, { answer, polls: 0 });
    return inProgress(statementHandle);
  }

  function inProgress(statementHandle: string): Response {
    const message = "Asynchronous execution in progress. Use provided query id to perform query monitoring and management.";
    return Response.json(
      { code: "333334", message, statementHandle, statementStatusUrl: `/api/v2/statements/${statementHandle}` },
      { status: 202 },
    );
  }

  function ask(handle: string): Response {
    const found = running.get(handle);
    if (!found) return refuse(404, "390142", "", "Statement not found");
    found.polls += 1;
    return found.polls < 2 ? inProgress(handle) : found.answer;
  }

  async function execute(body: Record<string, unknown>): Promise<Response> {
    const {
      statement: sql = "",
      bindings = {},
      timeout,
    } = body as { statement?: string; bindings?: Record<string, unknown>; timeout?: number };
    if (!Number.isInteger(timeout)) return refuse(400, "391911", "08006", "Invalid timeout");
    if (body.role !== undefined && body.role !== CONTEXT.role)
      return refuse(403, "390189", "08001", `Role '${body.role}' does not exist or not authorized.`);
    for (const part of ["database", "schema"] as const) {
      if (body[part] !== CONTEXT[part]) return refuse(422, "390201", "02000", `The requested ${part} does not exist or not authorized.`);
    }
    if (body.warehouse !== CONTEXT.warehouse) return refuse(422, "000606", "57P03", "No active warehouse selected in the current session.");
    const marks = [...sql.replace(/'[^']*'|"[^"]*"/g, "").matchAll(/\?/g)].length;
    const texts = Array.from(
      { length: marks },
      (_, index) => bindings[String(index + 1)] as { type?: string; value?: unknown } | undefined,
    );
    if (Object.keys(bindings).length !== marks || texts.some((bind) => bind?.type !== "TEXT" || typeof bind.value !== "string")) {
      return refuse(422, "002049", "42601", "SQL compilation error: error line 1 at position 0 Bind variable not set or of another type");
    }
    try {
      const { columns, cells, changed } = await statement(
        scratch,
        sql,
        texts.map((bind) => String(bind?.value)),
      );
      return Response.json({
        code: "090001",
        sqlState: "00000",
        message: "Statement executed successfully.",
        statementHandle: randomUUID(),
        resultSetMetaData: { numRows: cells.length, format: "jsonv2", rowType: columns },
        data: cells,
        stats: stats(statsOf(sql, changed)),
      });
    } catch (error) {
      const { code, sqlState, message } = error instanceof Refused ? error : wordsOf(error);
      return refuse(422, code, sqlState, message);
    }
  }

  return {
    fetch,
    requests,
    /** Runs Snowflake's SQL as an administrator. */
    admin: (sql: string) => statement(scratch, sql, []),
    rows: async (table: string) => {
      const name = table.toUpperCase();
      return (await scratch.columns(name)).length === 0 ? undefined : (await scratch.run(`SELECT * FROM "${name}"`)).rows;
    },
    failNext(...next: Response[]) {
      faults = next;
    },
    /** From now on the numbers of an answer are changed so on their way. */
    changeStats(change: typeof stats) {
      stats = change;
    },
    /** From now on every statement is answered 202, and has to be asked after twice. */
    beSlow() {
      slow = true;
    },
    /** The next statement on the table is run, and its connection lost. */
    loseAnswer() {
      losesAnswer = true;
    },
    refusal: refuse,
    settings: (at: string): Record<string, string> => ({
      url: "snowflake://acme-calls/analytics/voice?warehouse=loading&role=loader",
      username: "patchbay",
      private_key: privateKey,
      base_url: at,
    }),
    close: () => scratch.close(),
  };
}

/** Of DML alone; which of a MERGE were new is not told apart here. */
function statsOf(sql: string, changed: number): Record<string, number> | null {
  if (!/^(MERGE|DELETE|INSERT)/.test(sql)) return null;
  const none = { numRowsInserted: 0, numRowsUpdated: 0, numRowsDeleted: 0, numDuplicateRowsUpdated: 0 };
  return sql.startsWith("DELETE") ? { ...none, numRowsDeleted: changed } : { ...none, numRowsInserted: changed };
}

/** As docs.snowflake.com has it for key pairs: RS256, issuer with the key's fingerprint, an hour at most. */
function isLoggedIn(request: Request): boolean {
  if (request.headers.get("x-snowflake-authorization-token-type") !== "KEYPAIR_JWT") return false;
  const [head = "", body = "", signature = ""] = (request.headers.get("authorization") ?? "").replace(/^Bearer /, "").split(".");
  try {
    const { alg } = JSON.parse(Buffer.from(head, "base64url").toString());
    const { iss, sub, iat, exp } = JSON.parse(Buffer.from(body, "base64url").toString());
    const nowS = Date.now() / 1000;
    return (
      alg === "RS256" &&
      sub === `${ACCOUNT}.${USER}` &&
      iss === `${sub}.SHA256:${FINGERPRINT}` &&
      iat <= nowS + 60 &&
      exp > nowS &&
      exp - iat <= 3600 &&
      verify("RSA-SHA256", Buffer.from(`${head}.${body}`), createPublicKey(publicKey), Buffer.from(signature, "base64url"))
    );
  } catch {
    return false;
  }
}
