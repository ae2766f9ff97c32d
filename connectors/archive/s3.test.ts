import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { OpenError } from "../../src/connector.ts";
import { newFolder, openTestArchive, startStrict } from "../../test/support/archive.ts";
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

  test.each([
    [503, "SlowDown", { kind: "retry", because: "rate-limit" }],
    [503, "ServiceUnavailable", { kind: "retry", because: "server" }],
    [502, undefined, { kind: "retry", because: "server" }],
    [429, undefined, { kind: "retry", because: "rate-limit" }],
    [400, "RequestTimeout", { kind: "retry", because: "record" }],
    [400, "XAmzContentSHA256Mismatch", { kind: "retry", because: "record" }],
    [403, "AccessDenied", { kind: "unauthorized", fix: expect.stringContaining("s3:ListBucket") }],
    [403, "InvalidAccessKeyId", { kind: "unauthorized", fix: expect.stringContaining("access_key_id") }],
    [403, "SignatureDoesNotMatch", { kind: "unauthorized", fix: expect.stringContaining("secret_access_key") }],
    [400, "ExpiredToken", { kind: "unauthorized", fix: expect.stringContaining("Renew") }],
    [403, "RequestTimeTooSkewed", { kind: "unauthorized", reason: expect.stringContaining("clock") }],
    [404, "NoSuchBucket", { kind: "unauthorized", fix: expect.stringContaining("bucket") }],
    [301, "PermanentRedirect", { kind: "unauthorized", fix: expect.stringContaining("`region`") }],
    [400, "EntityTooLarge", { kind: "rejected" }],
    [400, "KeyTooLongError", { kind: "rejected" }],
    [400, "InvalidArgument", { kind: "rejected", code: "InvalidArgument" }],
  ])("%i %s: says what to do, and nothing of S3's own words", async (status, code, outcome) => {
    const { s3, settings } = await startStrict();
    const archive = await openTestArchive(settings);
    s3.next("PUT", { status, ...(code ? { code } : {}) });
    const got = await archive.send();
    expect(got).toMatchObject(outcome);
    expect(inspect(got)).not.toMatch(/marzipan|words of S3|calls\/v1|example-secret/);
    expect((await archive.send()).kind).toBe("delivered");
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
      kind: "unauthorized",
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
    await expect(opening).rejects.toMatchObject({ outcome: { kind: "unauthorized", code } });
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
