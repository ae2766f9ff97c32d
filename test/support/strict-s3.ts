import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const hex = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");
const hmac = (key: Buffer | string, text: string) => createHmac("sha256", key).update(text).digest();

export interface StoredObject {
  bytes: Buffer;
  contentType: string;
  metadata: Record<string, string>;
}

type Fault = { status: number; code?: string; headers?: Record<string, string> } | "cut" | "silent" | "drips";

export interface StrictS3 {
  endpoint: string;
  /** By key, without the bucket. */
  objects: Map<string, StoredObject>;
  /** `PUT calls/v1/…`, in order. */
  requests: string[];
  /** The next request of this method is answered so. Without a `code` the body is no XML. `cut`: the connection ends instead; `silent`: there is no answer; `drips`: its head, and a byte now and then. */
  next(method: string, answer: Fault): void;
  /** Object Lock with a default retention, and so versions: a PUT without a checksum of its own is refused, and no version can be removed. */
  lock(): void;
  /** Versions are kept, and may be removed. */
  keepVersions(): void;
  /** Versions that are kept, oldest first, by key. */
  versions: Map<string, StoredObject[]>;
  /** A lifecycle rule has moved the object to where it cannot be read at once. */
  moveToGlacier(key: string): void;
  /** Answers that drip, and that somebody still waits for. */
  dripping(): number;
  /** As for a key without s3:ListBucket: 403 for what is not there. */
  mayList(allowed: boolean): void;
  close(): Promise<void>;
}

/** Amazon S3 as far as an archive meets it. It checks every signature (AWS Signature Version 4) and the hash of every body, as s3rver does not. */
export async function startStrictS3(options: { bucket: string; accessKeyId: string; secretAccessKey: string }): Promise<StrictS3> {
  const { bucket, accessKeyId, secretAccessKey } = options;
  const objects = new Map<string, StoredObject>();
  const requests: string[] = [];
  const faults = new Map<string, Fault>();
  const versions = new Map<string, StoredObject[]>();
  const inGlacier = new Set<string>();
  let [versioned, locked] = [false, false];
  let dripping = 0;
  let listing = true;

  const fail = (response: ServerResponse, status: number, code: string) =>
    response
      .writeHead(status, { "content-type": "application/xml" })
      .end(`<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>No words of S3 about calls/v1</Message></Error>`);

  function refusalOf(request: IncomingMessage, body: Buffer): [number, string] | undefined {
    const signed = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? "",
    );
    if (!signed) return [403, "AccessDenied"];
    const [, id, scope = "", names = "", signature] = signed;
    if (id !== accessKeyId) return [403, "InvalidAccessKeyId"];
    const payload = String(request.headers["x-amz-content-sha256"]);
    const { pathname, searchParams } = new URL(request.url ?? "", "http://s3");
    searchParams.sort();
    const query = [...searchParams].map(([name, value]) => `${uri(name)}=${uri(value)}`).join("&");
    const headers = names.split(";").map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
    const canonical = [request.method, pathname, query, headers.join(""), names, payload].join("\n");
    const [day = "", region = "", service = ""] = scope.split("/");
    const key = hmac(hmac(hmac(hmac(`AWS4${secretAccessKey}`, day), region), service), "aws4_request");
    const text = ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, hex(canonical)].join("\n");
    if (hmac(key, text).toString("hex") !== signature) return [403, "SignatureDoesNotMatch"];
    if (payload !== hex(body)) return [400, "XAmzContentSHA256Mismatch"];
    return undefined;
  }

  function answer(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const url = new URL(request.url ?? "", "http://s3");
    const [, inBucket = "", ...rest] = url.pathname.split("/").map(decodeURIComponent);
    const key = rest.join("/");
    requests.push(`${request.method} ${key}`);
    const fault = faults.get(request.method ?? "");
    faults.delete(request.method ?? "");
    if (fault === "silent") return;
    if (fault === "drips") {
      response.writeHead(200, { "content-type": "application/json", "content-length": 1_000_000, etag: '"x"' });
      const timer = setInterval(() => response.write(" "), 50);
      dripping += 1;
      return void response.on("close", () => {
        clearInterval(timer);
        dripping -= 1;
      });
    }
    if (fault === "cut") return void request.socket.destroy();
    if (fault) {
      for (const [name, value] of Object.entries(fault.headers ?? {})) response.setHeader(name, value);
      if (fault.code) fail(response, fault.status, fault.code);
      else response.writeHead(fault.status, { "content-type": "text/html" }).end("<h1>the word is marzipan</h1>");
      return;
    }
    const refusal = refusalOf(request, body);
    if (refusal) return void fail(response, ...refusal);
    if (inBucket !== bucket) return void fail(response, 404, "NoSuchBucket");
    const stored = objects.get(key);
    if (key === "" && url.searchParams.has("versions")) return void listVersions(url.searchParams.get("prefix") ?? "", response);
    if (key === "") {
      if (!listing) return void fail(response, 403, "AccessDenied");
      const prefix = url.searchParams.get("prefix") ?? "";
      const keys = [...objects.keys()].filter((one) => one.startsWith(prefix)).sort();
      const contents = keys.map((one) => `<Contents><Key>${one.replaceAll("&", "&amp;")}</Key></Contents>`).join("");
      response.writeHead(200, { "content-type": "application/xml" });
      response.end(`<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult><Name>${bucket}</Name>${contents}</ListBucketResult>`);
    } else if (request.method === "HEAD") {
      response.writeHead(stored ? 200 : listing ? 404 : 403).end();
    } else if (request.method === "GET") {
      if (stored && inGlacier.has(key)) return void fail(response, 403, "InvalidObjectState");
      if (!stored) return void (listing ? fail(response, 404, "NoSuchKey") : fail(response, 403, "AccessDenied"));
      response.writeHead(200, { "content-type": stored.contentType, "content-length": stored.bytes.byteLength }).end(stored.bytes);
    } else if (request.method === "PUT") {
      const md5 = request.headers["content-md5"];
      if (locked && md5 === undefined) return void fail(response, 400, "InvalidRequest");
      if (md5 !== undefined && md5 !== createHash("md5").update(body).digest("base64")) return void fail(response, 400, "BadDigest");
      inGlacier.delete(key);
      const named = Object.entries(request.headers).filter(([name]) => name.startsWith("x-amz-meta-"));
      const metadata = Object.fromEntries(named.map(([name, value]) => [name.slice("x-amz-meta-".length), String(value)]));
      const object = { bytes: body, contentType: request.headers["content-type"] ?? "", metadata };
      objects.set(key, object);
      if (versioned) versions.set(key, [...(versions.get(key) ?? []), object]);
      response.writeHead(200, { etag: `"${createHash("md5").update(body).digest("hex")}"` }).end();
    } else if (url.searchParams.has("versionId")) {
      const kept = versions.get(key) ?? [];
      if (locked && kept.length > 0) return void fail(response, 403, "AccessDenied");
      versions.delete(key);
      response.writeHead(204).end();
    } else {
      objects.delete(key);
      response.writeHead(204, versioned ? { "x-amz-delete-marker": "true", "x-amz-version-id": "marker" } : {}).end();
    }
  }

  function listVersions(prefix: string, response: ServerResponse): void {
    const found = [...versions].filter(([key]) => key.startsWith(prefix));
    const all = found.flatMap(([key, kept]) =>
      kept.map((_one, index) => `<Version><Key>${key.replaceAll("&", "&amp;")}</Key><VersionId>v${index}</VersionId></Version>`),
    );
    response.writeHead(200, { "content-type": "application/xml" });
    response.end(`<?xml version="1.0" encoding="UTF-8"?>\n<ListVersionsResult><Name>${bucket}</Name>${all.join("")}</ListVersionsResult>`);
  }

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    answer(request, Buffer.concat(chunks), response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    requests,
    versions,
    dripping: () => dripping,
    lock() {
      [versioned, locked] = [true, true];
    },
    keepVersions() {
      versioned = true;
    },
    moveToGlacier: (key) => void inGlacier.add(key),
    next: (method, fault) => void faults.set(method, fault),
    mayList(allowed) {
      listing = allowed;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** RFC 3986, as Signature Version 4 wants it. */
function uri(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
