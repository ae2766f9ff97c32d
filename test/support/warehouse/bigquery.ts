import { createPublicKey, generateKeyPairSync, randomUUID, verify } from "node:crypto";
import { DATASET, LEGACY, LOCATION, namesIn, PROJECT, Refused, statement, wordsOf } from "./bigquery-sql.ts";
import { openScratch } from "./scratch.ts";

const EMAIL = "patchbay@acme-calls.iam.gserviceaccount.com";
const MAX_REQUEST_BYTES = 10_000_000;

const { publicKey, privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

interface Parameter {
  name?: string;
  parameterType?: { type?: string };
  parameterValue?: { value?: unknown };
}

/**
 * The part of BigQuery's REST API that we use (cloud.google.com/bigquery/docs/reference/rest): the token exchange, `tables.get`, `jobs.query`,
 * `jobs.getQueryResults`. It takes the statements that we send and no others. Written from the documentation; never compared with the real service.
 */
export async function createBigQueryStandIn() {
  const scratch = await openScratch();
  const tokens = new Set<string>();
  const requests: { path: string; bytes: number }[] = [];
  const pending = new Map<string, Record<string, unknown>>();
  let faults: Response[] = [];
  let slow = false;
  let tokenFault: Response | undefined;
  let silent = false;
  let leave: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const left = (answer: Response) => {
    leave();
    return answer;
  };
  let changes: (answer: Record<string, unknown>) => Record<string, unknown> = (answer) => answer;

  let noTable = (name: string) => `Not found: Table ${name}`;
  const refuse = (code: number, reason: string, message: string) =>
    Response.json({ error: { code, message, errors: [{ message, domain: "global", reason }] } }, { status: code });
  const invalid = (message: string) => refuse(400, "invalidQuery", message);

  async function fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const body = await request.text();
    if (pathname === "/token") return tokenFault?.clone() ?? exchange(new URLSearchParams(body));
    requests.push({ path: `${request.method} ${pathname}`, bytes: Buffer.byteLength(body) });
    const token = request.headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
    if (!tokens.has(token)) return refuse(401, "authError", "Request had invalid authentication credentials.");
    const isQuery = request.method === "POST" && pathname.endsWith("/queries");
    if (isQuery && silent)
      return new Promise((resolve) => request.signal.addEventListener("abort", () => resolve(left(new Response(null, { status: 499 })))));
    const fault = isQuery ? faults.shift() : undefined;
    if (fault) return fault;
    if (Buffer.byteLength(body) > MAX_REQUEST_BYTES)
      return refuse(413, "requestTooLarge", "Request payload size exceeds the limit: 10485760 bytes.");

    const [, project, rest = ""] = /^\/bigquery\/v2\/projects\/([^/]+)\/(.*)$/.exec(pathname) ?? [];
    if (project !== PROJECT) return refuse(404, "notFound", `Not found: Project ${project}`);
    const table = /^datasets\/(\w+)\/tables\/(\w+)$/.exec(rest);
    if (request.method === "GET" && table) return getTable(table[1] ?? "", table[2] ?? "");
    const alone = /^datasets\/(\w+)$/.exec(rest)?.[1];
    if (request.method === "GET" && alone === DATASET)
      return Response.json({ kind: "bigquery#dataset", id: `${PROJECT}:${DATASET}`, location: LOCATION });
    if (request.method === "GET" && alone) return refuse(404, "notFound", `Not found: Dataset ${PROJECT}:${alone}`);
    if (isQuery && rest === "queries") return query(JSON.parse(body));
    const job = /^queries\/([\w-]+)$/.exec(rest)?.[1] ?? "";
    if (request.method === "GET" && pending.has(job)) {
      if (searchParams.get("location") !== LOCATION) return refuse(404, "notFound", `Not found: Job ${PROJECT}:${job}`);
      return Response.json({ ...pending.get(job), jobComplete: true });
    }
    return refuse(404, "notFound", "Not found");
  }

  /** RFC 7523, as oauth2.googleapis.com answers. */
  function exchange(form: URLSearchParams): Response {
    const [head = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
    const { iss, scope = "" } = JSON.parse(Buffer.from(claims, "base64url").toString() || "{}");
    const right = verify("RSA-SHA256", Buffer.from(`${head}.${claims}`), createPublicKey(publicKey), Buffer.from(signature, "base64url"));
    if (!right || iss !== EMAIL || !scope.includes("auth/bigquery")) {
      return Response.json({ error: "invalid_grant", error_description: "Invalid JWT Signature." }, { status: 400 });
    }
    const access_token = `ya29.${randomUUID()}`;
    tokens.add(access_token);
    return Response.json({ access_token, expires_in: 3600, token_type: "Bearer" });
  }

  async function getTable(dataset: string, table: string): Promise<Response> {
    if (dataset !== DATASET) return refuse(404, "notFound", `Not found: Dataset ${PROJECT}:${dataset}`);
    const columns = await scratch.columns(table);
    if (columns.length === 0) return refuse(404, "notFound", noTable(`${PROJECT}:${dataset}.${table}`));
    const fields = columns.map(({ name, type, mustBeFilled, fallback }) => ({
      name,
      type: LEGACY[type] ?? type,
      mode: mustBeFilled ? "REQUIRED" : "NULLABLE",
      ...(fallback !== null && { defaultValueExpression: fallback }),
    }));
    return Response.json({ kind: "bigquery#table", id: `${PROJECT}:${dataset}.${table}`, schema: { fields }, location: LOCATION });
  }

  async function query(body: Record<string, unknown>): Promise<Response> {
    if (body.useLegacySql !== false) return invalid("Legacy SQL is not understood here");
    if (body.requestId !== undefined && String(body.requestId).length > 36) return refuse(400, "invalid", "Invalid value for request_id");
    const sql = String(body.query ?? "");
    if (Buffer.byteLength(sql) > 1_000_000)
      return refuse(400, "invalid", "The query is too large. The maximum standard SQL query length is 1024.00K characters");
    const dataset = /`([\w-]+)\.(\w+)\.(\w+)`/.exec(sql);
    if (!dataset) return invalid("Table name missing dataset while no default dataset is set in the request.");
    if (dataset[1] !== PROJECT || dataset[2] !== DATASET || (body.location ?? LOCATION) !== LOCATION) {
      return refuse(404, "notFound", `Not found: Dataset ${dataset[1]}:${dataset[2]} was not found in location ${body.location ?? "US"}`);
    }
    const parameters = (body.queryParameters ?? []) as Parameter[];
    const wrong = parameters.find(
      ({ parameterType, parameterValue }) => parameterType?.type !== "STRING" || typeof parameterValue?.value !== "string",
    );
    if (wrong) return invalid(`Invalid value for query parameter ${wrong.name}`);
    const named = new Map(parameters.map(({ name, parameterValue }) => [`@${name}`, String(parameterValue?.value)]));
    const used = namesIn(sql);
    const unknown = used.find((name) => !named.has(name));
    if (unknown) return invalid(`Query parameter '${unknown.slice(1)}' not found`);
    try {
      const { lines, changed } = await statement(scratch, sql, named);
      const jobId = `job_${randomUUID()}`;
      const head = { kind: "bigquery#queryResponse", jobReference: { projectId: PROJECT, jobId, location: LOCATION } };
      const answer = changes({ ...head, ...(lines ? resultOf(lines) : { totalRows: "0", numDmlAffectedRows: String(changed) }) });
      pending.set(jobId, answer);
      // What it gives is told only when it is complete.
      return Response.json(slow ? { ...head, jobComplete: false } : { ...answer, jobComplete: true });
    } catch (error) {
      return error instanceof Refused ? refuse(error.status, error.reason, error.message) : invalid(wordsOf(error));
    }
  }

  /** As the REST reference has it: a schema, and rows of fields and values; none are left out. */
  function resultOf(lines: string[]) {
    const schema = { fields: [{ name: "line", type: "STRING", mode: "NULLABLE" }] };
    const rows = lines.map((line) => ({ f: [{ v: line }] }));
    return { schema, totalRows: String(rows.length), ...(rows.length > 0 && { rows }) };
  }

  return {
    fetch,
    requests,
    /** Runs BigQuery's SQL as an administrator. */
    admin: (sql: string) => statement(scratch, sql, new Map()),
    rows: async (table: string) =>
      (await scratch.columns(table)).length === 0 ? undefined : (await scratch.run(`SELECT * FROM "${table}"`)).rows,
    /** Answers the next statements with these instead. */
    failNext(...answers: Response[]) {
      faults = answers;
    },
    /** From now on an answer of 200 is changed so on its way. */
    changeAnswers(change: (answer: Record<string, unknown>) => Record<string, unknown>) {
      changes = change;
    },
    /** From now on a table that is not there is said in other words: Google promises none. */
    sayNoTable(words: string) {
      noTable = () => words;
    },
    /** From now on statements are not complete when they are answered, and have to be asked after. */
    beSlow() {
      slow = true;
    },
    /** The exchange for a token answers so instead. */
    failTokens(answer: Response) {
      tokenFault = answer;
    },
    /** From now on statements get no answer. */
    neverAnswer() {
      silent = true;
    },
    /** Until whoever waited for such an answer has closed the connection. */
    gone: () => gone,
    /** Tokens given out so far count no more. */
    expireTokens: () => tokens.clear(),
    refusal: refuse,
    settings: (at: string): Record<string, string> => ({
      url: `bigquery://${PROJECT}/${DATASET}`,
      base_url: at,
      location: LOCATION,
      credentials: JSON.stringify({ type: "service_account", client_email: EMAIL, private_key: privateKey, token_uri: `${at}/token` }),
    }),
    close: () => scratch.close(),
  };
}
