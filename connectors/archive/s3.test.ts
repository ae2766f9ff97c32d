import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { OpenError } from "../../src/connector/index.ts";
import { deliver, newFolder, openTestArchive, startStrict } from "../../test/support/archive.ts";
import { documentedCall } from "../../test/support/documented-call.ts";
import { closedPort } from "../../test/support/ports.ts";

const KEY = "acme/voice/calls/v1/dt=2025-01-15/voiceinfra/call_01HXYZ123456.json";

describe("S3", () => {
  test("gets a new call by one question and one PUT, as JSON; an unchanged one by the question alone", async () => {
    const { s3, settings } = await startStrict();
    const archive = await openTestArchive(settings);
    s3.requests.length = 0;
    await archive.receipt();
    await archive.receipt();
    expect(s3.requests).toEqual([`GET ${KEY}`, `PUT ${KEY}`, `GET ${KEY}`]);
    expect(s3.objects.get(KEY)).toMatchObject({ contentType: "application/json" });
  });

  test("in a bucket without a prefix lies at its top", async () => {
    const { s3, settings } = await startStrict();
    await (await openTestArchive({ ...settings, url: "s3://calls-of-acme" })).receipt();
    expect([...s3.objects.keys()]).toEqual(["calls/v1/dt=2025-01-15/voiceinfra/call_01HXYZ123456.json"]);
  });

  test("is asked once: what failed is not tried again by the SDK", async () => {
    const { s3, settings } = await startStrict();
    const archive = await openTestArchive(settings);
    s3.requests.length = 0;
    s3.next("PUT", { status: 500, code: "InternalError" });
    expect(await archive.send()).toMatchObject({ kind: "retry", because: "server", code: "InternalError" });
    expect(s3.requests.filter((one) => one.startsWith("PUT"))).toHaveLength(1);
    expect((await archive.send()).kind).toBe("delivered");
  });

  const slower = { kind: "retry", because: "rate-limit" };
  const server = { kind: "retry", because: "server" };
  const record = { kind: "retry", because: "record" };
  const down = { kind: "retry", because: "down" };
  const rejected = { kind: "rejected" };
  const fixedBy = (words: string) => ({ kind: "needs-fix", fix: expect.stringContaining(words) });

  test.each<[number, string, object]>([
    [503, "SlowDown", { ...slower, retryAfterMs: 37_000 }],
    [503, "SlowDownWrite", slower],
    [429, "TooManyRequests", slower],
    [503, "BandwidthLimitExceeded", slower],
    [503, "ServiceUnavailable", { ...down, retryAfterMs: 37_000 }],
    [503, "XMinioServerNotInitialized", down],
    [503, "XMinioWriteQuorum", down],
    [507, "XMinioStorageFull", down],
    [307, "TemporaryRedirect", down],
    [500, "InternalError", server],
    [400, "RequestTimeout", record],
    [400, "IncompleteBody", record],
    [400, "BadDigest", record],
    [400, "XAmzContentSHA256Mismatch", record],
    [409, "OperationAborted", record],
    [409, "ConditionalRequestConflict", record],
    [403, "AccessDenied", fixedBy("s3:ListBucket")],
    [403, "AllAccessDisabled", fixedBy("s3:ListBucket")],
    [403, "InvalidAccessKeyId", fixedBy("access_key_id")],
    [403, "SignatureDoesNotMatch", fixedBy("secret_access_key")],
    [400, "ExpiredToken", fixedBy("Renew")],
    [400, "InvalidToken", fixedBy("Renew")],
    [403, "RequestTimeTooSkewed", fixedBy("15 minutes")],
    [403, "AccountProblem", fixedBy("payment")],
    [403, "NotSignedUp", fixedBy("payment")],
    [403, "QuotaExceeded", fixedBy("Raise it")],
    [400, "XMinioAdminBucketQuotaExceeded", fixedBy("Raise it")],
    [404, "NoSuchBucket", fixedBy("bucket")],
    [301, "PermanentRedirect", fixedBy("`region`")],
    [400, "AuthorizationHeaderMalformed", fixedBy("`region`")],
    [400, "IllegalLocationConstraintException", fixedBy("`region`")],
    [400, "KMS.DisabledException", fixedBy("KMS")],
    [400, "KMS.NotFoundException", fixedBy("KMS")],
    [400, "KMS.KMSInvalidStateException", fixedBy("KMS")],
    [400, "KMS.ThrottlingException", slower],
    [501, "NotImplemented", fixedBy("endpoint")],
    [400, "InvalidRequest", fixedBy("bucket")],
    [409, "InvalidBucketState", fixedBy("bucket")],
    [400, "EntityTooLarge", rejected],
    [400, "KeyTooLongError", rejected],
    [400, "InvalidArgument", { ...rejected, code: "InvalidArgument" }],
  ])("%i %s: says what to do, and nothing of S3's own words", async (status, code, outcome) => {
    await meets({ status, code }, outcome);
  });

  test.each<[number, object]>([
    [301, fixedBy("`region`")],
    [307, down],
    [402, { kind: "needs-fix" }],
    [403, fixedBy("s3:ListBucket")],
    [407, fixedBy("proxy")],
    [408, record],
    [413, rejected],
    [421, down],
    [429, { ...slower, retryAfterMs: 37_000 }],
    [502, server],
    [503, { ...down, retryAfterMs: 37_000 }],
    [504, server],
    [507, down],
    [521, down],
    [529, { ...down, retryAfterMs: 37_000 }],
  ])("a page with status %i, which is none of S3's, is followed nowhere", async (status, outcome) => {
    await meets({ status }, outcome);
  });

  async function meets(answer: { status: number; code?: string }, outcome: object) {
    const { s3, settings } = await startStrict();
    const archive = await openTestArchive(settings);
    s3.next("PUT", { ...answer, headers: { "retry-after": "37", location: "https://elsewhere.example/" } });
    const got = await archive.send();
    expect(got).toMatchObject(outcome);
    expect(inspect(got)).not.toMatch(/marzipan|words of S3|calls\/v1|example-secret/);
    expect((await archive.send()).kind).toBe("delivered");
  }

  test("is proven by its name of what it stored: a 200 of somebody else is no delivery", async () => {
    const { s3, settings } = await startStrict();
    const archive = await openTestArchive(settings);
    s3.next("PUT", { status: 200 });
    expect(await archive.send()).toMatchObject({ kind: "retry", because: "server", code: "not_proven" });
    expect((await archive.send()).kind).toBe("delivered");
  });

  test("with Object Lock takes calls, their recordings and their later versions, whose checksums it wants", async () => {
    const { s3, settings } = await startStrict();
    s3.lock();
    const archive = await openTestArchive(settings);
    const first = await archive.receipt();
    const later = await archive.receipt(deliver({ call: documentedCall({ summary: "Later." }), previous: first }));
    expect(await archive.read(later)).toMatchObject({ summary: "Later." });
    expect(s3.versions.get(KEY)).toHaveLength(2);
  });

  test("that keeps versions forgets a call with all of them; one that locks them says that they stay", async () => {
    const { s3, settings } = await startStrict();
    s3.keepVersions();
    const archive = await openTestArchive(settings);
    const receipt = await archive.receipt();
    await archive.receipt(deliver({ call: documentedCall({ summary: "Later." }), previous: receipt }));
    expect(await archive.erase(receipt)).toBe(true);
    expect([s3.objects.size, s3.versions.size]).toEqual([0, 0]);
    await archive.receipt();
    s3.lock();
    await expect(archive.erase(receipt)).rejects.toThrow(/hidden, and its versions stay in the bucket: they are locked/);
    expect(await archive.read(receipt)).toBeUndefined();
  });

  test("that has moved a call to cold storage refuses that call alone, says how to go on, and can still forget it", async () => {
    const { s3, settings } = await startStrict();
    const archive = await openTestArchive(settings);
    const receipt = await archive.receipt();
    s3.moveToGlacier(KEY);
    expect(await archive.send(deliver({ call: documentedCall({ summary: "Later." }), previous: receipt }))).toMatchObject({
      kind: "rejected",
      code: "InvalidObjectState",
      reason: expect.stringMatching(/cold storage.*restore.*dead replay/),
    });
    const other = documentedCall({ call_id: "other" });
    expect((await archive.send(deliver({ call: other, key: "voiceinfra/other" }))).kind).toBe("delivered");
    expect(await archive.erase(receipt)).toBe(true);
    expect(s3.objects.has(KEY)).toBe(false);
  });

  test("that drips its answer holds no attempt longer than its time, and no connection", async () => {
    const { s3, settings } = await startStrict();
    const archive = await openTestArchive(settings);
    await archive.receipt();
    s3.next("GET", "drips");
    const given = new AbortController();
    const sent = archive.destination.send([deliver()], { signal: given.signal });
    await expect.poll(() => s3.dripping()).toBe(1);
    given.abort();
    await expect(sent).rejects.toThrow();
    await expect.poll(() => s3.dripping()).toBe(0);
  });

  test("whose connection ends in the middle is unclear, and the same PUT again makes no second object", async () => {
    const { s3, settings } = await startStrict();
    const archive = await openTestArchive(settings);
    s3.next("PUT", "cut");
    expect((await archive.send()).kind).toBe("ambiguous");
    expect((await archive.send()).kind).toBe("delivered");
    expect([...s3.objects.keys()]).toEqual([KEY]);
  });

  test("that answers 403 for what is not there names the permission that is missing", async () => {
    const { s3, settings } = await startStrict();
    const archive = await openTestArchive(settings);
    s3.mayList(false);
    expect(await archive.send()).toMatchObject({
      kind: "needs-fix",
      code: "AccessDenied",
      fix: expect.stringContaining("403 for what is not there"),
    });
    await expect(openTestArchive(settings)).rejects.toMatchObject({
      outcome: { fix: expect.stringContaining("s3:ListBucket on the bucket") },
    });
  });

  test.each([
    [{ url: "s3://another-bucket" }, "NoSuchBucket"],
    [{ access_key_id: "wrong" }, "InvalidAccessKeyId"],
    [{ secret_access_key: "wrong-credential" }, "SignatureDoesNotMatch"],
  ])("with %o does not open, and says why without showing it", async (wrong, code) => {
    const { settings } = await startStrict();
    const opening = openTestArchive({ ...settings, ...wrong });
    await expect(opening).rejects.toThrow(OpenError);
    await expect(opening).rejects.toMatchObject({ outcome: { kind: "needs-fix", code } });
    expect(inspect(await opening.catch((error: unknown) => error))).not.toContain("wrong-credential");
  });

  test("that is not there is a destination that is down", async () => {
    const { settings } = await startStrict();
    const opening = openTestArchive({ ...settings, endpoint: `http://127.0.0.1:${await closedPort()}` });
    await expect(opening).rejects.toMatchObject({ outcome: { kind: "retry", because: "down" } });
  });

  test("leaves no folder of its own behind when it is closed, and removes those of processes that were killed", async () => {
    vi.stubEnv("TMPDIR", newFolder());
    onTestFinished(() => void vi.unstubAllEnvs());
    const twoHoursAgo = new Date(Date.now() - 2 * 3_600_000);
    for (const name of ["patchbay-archive-killed", "patchbay-archive-at-work", "of-others"]) mkdirSync(join(tmpdir(), name));
    for (const name of ["patchbay-archive-killed", "of-others"]) {
      writeFileSync(join(tmpdir(), name, "recording"), "x");
      utimesSync(join(tmpdir(), name), twoHoursAgo, twoHoursAgo);
    }
    const { settings } = await startStrict();
    const archive = await openTestArchive(settings);
    expect(readdirSync(tmpdir())).toHaveLength(3);
    await archive.destination.close();
    expect(readdirSync(tmpdir()).sort()).toEqual(["of-others", "patchbay-archive-at-work"]);
  });
});
