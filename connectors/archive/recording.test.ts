import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Receipt, ResolveName } from "../../src/connector/index.ts";
import { type ArchiveSettings, deliver, newFolder, openTestArchive, startS3rver, startStrict } from "../../test/support/archive.ts";
import { documentedCall } from "../../test/support/documented-call.ts";
import { createDownloads } from "./download-jobs.ts";
import { openFolderStore } from "./engines/folder/store.ts";
import { archiveIn } from "./open.ts";

const AUDIO = Buffer.alloc(300_000, "RIFF");
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const STEM = "calls/v1/dt=2025-01-15/voiceinfra/call_01HXYZ123456";
const HOUR_MS = 3_600_000;

/** Where recordings lie: on this machine, which a test has to be. */
const WITH_RECORDINGS = { recordings: true, allow_private: true, allow_http: true };

async function recorder(answer: RequestListener = (_request, response) => play(response)) {
  const asked: { url: string; headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    asked.push({ url: request.url ?? "", headers: request.headers });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { asked, port, at: (path = "/call_01.wav") => `http://127.0.0.1:${port}${path}` };
}

function play(response: ServerResponse, bytes = AUDIO, type = "audio/wav"): void {
  response.writeHead(200, { "content-type": type, "content-length": bytes.byteLength }).end(bytes);
}

const recorded = (recording_url: string, more: Parameters<typeof deliver>[0] & { sinceAcceptedMs?: number; previous?: Receipt } = {}) =>
  deliver({ ...more, call: documentedCall({ recording_url }) });

/** Every file of an archive, and what is in it. */
function filesOf(root: string): Map<string, Buffer> {
  const names = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    names.map(({ parentPath, name }) => [`${parentPath}/${name}`.slice(root.length + 1), readFileSync(`${parentPath}/${name}`)]),
  );
}

async function inFolder(more: Partial<ArchiveSettings> = {}, options: { timeoutMs?: number } = {}) {
  const root = newFolder();
  return { root, ...(await openTestArchive({ url: `file:${root}`, ...WITH_RECORDINGS, ...more }, options)) };
}

describe.each<{ title: string; start(): Promise<ArchiveSettings> }>([
  { title: "a folder", start: async () => ({ url: `file:${newFolder()}` }) },
  { title: "s3rver", start: startS3rver },
  { title: "a strict S3", start: async () => (await startStrict()).settings },
])("a recording in $title", ({ start }) => {
  test("lies beside its call with its checksum, is fetched once for all versions of the call, and is erased with it", async () => {
    const { asked, at } = await recorder();
    const archive = await openTestArchive({ ...(await start()), ...WITH_RECORDINGS });
    const first = await archive.receipt(recorded(at("/call_01.wav?signature=1")));
    expect(first.extra).toEqual({ recording: `${STEM}.recording.wav` });
    const recording = { file: `${STEM}.recording.wav`, bytes: AUDIO.byteLength, sha256: sha256(AUDIO), content_type: "audio/wav" };
    expect(await archive.read(first)).toMatchObject({ call_id: "call_01HXYZ123456", recording });
    // Signed again each time, it is the same recording.
    const second = await archive.receipt(recorded(at("/call_01.wav?signature=2"), { previous: first }));
    expect(second).toEqual(first);
    expect(asked).toHaveLength(1);
    expect(await archive.erase(second)).toBe(true);
    expect(await archive.read(second)).toBeUndefined();
  });

  test("that has moved to another address takes the place of the first", async () => {
    const better = Buffer.alloc(1_000, "MP3");
    const { at } = await recorder((request, response) =>
      request.url === "/b.mp3" ? play(response, better, "audio/mpeg") : play(response),
    );
    const archive = await openTestArchive({ ...(await start()), ...WITH_RECORDINGS });
    const first = await archive.receipt(recorded(at()));
    const second = await archive.receipt(recorded(at("/b.mp3"), { previous: first }));
    expect(await archive.read(second)).toMatchObject({ recording: { file: `${STEM}.recording.mp3`, sha256: sha256(better) } });
  });
});

describe("a recording's bytes", () => {
  test("in a folder are the recorder's, with one file of each kind and nothing half done", async () => {
    const { at } = await recorder((request, response) => (request.url === "/b.mp3" ? play(response, AUDIO, "audio/mpeg") : play(response)));
    const { root, receipt, erase } = await inFolder();
    const first = await receipt(recorded(at()));
    const second = await receipt(recorded(at("/b.mp3"), { previous: first }));
    const files = filesOf(root);
    expect([...files.keys()].sort()).toEqual([`${STEM}.json`, `${STEM}.recording.meta`, `${STEM}.recording.mp3`]);
    expect(files.get(`${STEM}.recording.mp3`)?.equals(AUDIO)).toBe(true);
    await erase(second);
    expect(filesOf(root)).toEqual(new Map());
  });

  test("in S3 are signed, typed, and have their checksum with them", async () => {
    const { at } = await recorder();
    const { s3, settings } = await startStrict();
    const archive = await openTestArchive({ ...settings, ...WITH_RECORDINGS });
    await archive.receipt(recorded(at()));
    const stored = s3.objects.get(`acme/voice/${STEM}.recording.wav`);
    expect(stored?.bytes.equals(AUDIO)).toBe(true);
    expect(stored).toMatchObject({ contentType: "audio/wav", metadata: { sha256: sha256(AUDIO) } });
  });

  test("that S3 did not take are sent again from where they lie, not fetched again", async () => {
    const { asked, at } = await recorder();
    const { s3, settings } = await startStrict();
    const archive = await openTestArchive({ ...settings, ...WITH_RECORDINGS });
    await archive.send(deliver({ call: documentedCall({ recording_url: at() }), key: "voiceinfra/call_01HXYZ123456" }));
    s3.objects.delete(`acme/voice/${STEM}.recording.meta`);
    // The call itself is as it was: the next PUT is the recording's.
    s3.next("PUT", { status: 500, code: "InternalError" });
    expect(await archive.send(recorded(at()))).toMatchObject({ kind: "retry", because: "server" });
    expect((await archive.send(recorded(at()))).kind).toBe("delivered");
    expect(asked).toHaveLength(2);
  });

  test("that S3 takes too slowly are tried again in a while, and after an hour the receipt says so", async () => {
    const { at } = await recorder();
    const { s3, settings } = await startStrict();
    const archive = await openTestArchive({ ...settings, ...WITH_RECORDINGS }, { timeoutMs: 3_000 });
    // The call itself is there already: the next PUT is the recording's.
    await archive.receipt(recorded(at()));
    s3.objects.delete(`acme/voice/${STEM}.recording.meta`);
    s3.next("PUT", "silent");
    expect(await archive.send(recorded(at()))).toMatchObject({
      kind: "retry",
      because: "record",
      code: "recording_not_stored",
      retryAfterMs: 300_000,
    });
    s3.next("PUT", "silent");
    expect(await archive.send(recorded(at(), { sinceAcceptedMs: HOUR_MS }))).toMatchObject({
      kind: "delivered",
      receipt: { extra: { recording_missing: "too_slow" } },
    });
  });

  test.each(["audio/\u00e9\u00e8", "audio/a b  c", `audio/${"x".repeat(500)}`])(
    "of the type %j are stored in S3 without it",
    async (type) => {
      const { at } = await recorder((_request, response) => response.writeHead(200, { "content-type": type }).end(AUDIO));
      const { s3, settings } = await startStrict();
      const archive = await openTestArchive({ ...settings, ...WITH_RECORDINGS });
      expect((await archive.receipt(recorded(at("/a.wav")))).extra).toEqual({ recording: `${STEM}.recording.wav` });
      expect(s3.objects.get(`acme/voice/${STEM}.recording.wav`)).toMatchObject({ contentType: "application/octet-stream" });
    },
  );

  test.each([
    ["audio/mpeg", "/x", "mp3"],
    ["audio/x-wav; codecs=1", "/x", "wav"],
    ["application/octet-stream", "/x/call.OGG", "ogg"],
    ["", "/x/call.m4a", "m4a"],
    ["audio/new-codec", "/x", "bin"],
    ["binary/octet-stream", "/x.exe", "bin"],
    ["video/mp4", "/x", "mp4"],
  ])("of the type %j at %s end in .%s", async (type, path, ending) => {
    const { at } = await recorder((_request, response) => {
      response.writeHead(200, type === "" ? {} : { "content-type": type }).end(AUDIO);
    });
    const { receipt } = await inFolder();
    expect((await receipt(recorded(at(path)))).extra).toEqual({ recording: `${STEM}.recording.${ending}` });
  });

  test("are asked for without any credential, and not at all where they are not wanted or not shared", async () => {
    const { asked, at } = await recorder();
    const { receipt } = await inFolder();
    await receipt(recorded(at()));
    expect(Object.keys(asked[0]?.headers ?? {}).sort()).toEqual(["accept", "accept-encoding", "connection", "host", "user-agent"]);
    const off = await inFolder({ recordings: false });
    expect((await off.receipt(recorded(at()))).extra).toBeUndefined();
    const { recording_url: _, ...withheld } = documentedCall();
    expect((await receipt(deliver({ call: withheld }))).extra).toBeUndefined();
    expect(asked).toHaveLength(1);
  });
});

describe("a recording that cannot be had", () => {
  const there = (root: string) => [...filesOf(root).keys()];

  test.each<[string, RequestListener]>([
    ["404", (_request, response) => response.writeHead(404).end("the word is marzipan")],
    ["403", (_request, response) => response.writeHead(403).end("the word is marzipan")],
    [
      "a page that asks to log in",
      (_request, response) => response.writeHead(200, { "content-type": "text/html" }).end("<h1>the word is marzipan</h1>"),
    ],
    ["an empty file", (_request, response) => response.writeHead(200, { "content-type": "audio/wav" }).end()],
    [
      "a packed file",
      (_request, response) => response.writeHead(200, { "content-type": "audio/wav", "content-encoding": "gzip" }).end("x"),
    ],
    ["redirects without end", (request, response) => response.writeHead(302, { location: `${request.url}0` }).end()],
  ])("(%s) keeps no call out of the archive: it is tried for an hour, then the receipt says that it is missing", async (_what, answer) => {
    const { at } = await recorder(answer);
    const { root, send } = await inFolder();
    const outcome = await send(recorded(at()));
    expect(outcome).toMatchObject({ kind: "retry", because: "record", code: "recording_not_there", retryAfterMs: 30_000 });
    expect(inspect(outcome)).not.toMatch(/marzipan|127\.0\.0\.1/);
    expect(there(root)).toEqual([`${STEM}.json`]);
    expect(await send(recorded(at(), { sinceAcceptedMs: 10 * 60_000 }))).toMatchObject({ kind: "retry", retryAfterMs: 300_000 });
    const last = await send(recorded(at(), { sinceAcceptedMs: HOUR_MS }));
    expect(last).toMatchObject({
      kind: "delivered",
      receipt: { id: `${STEM}.json`, extra: { recording_missing: expect.stringMatching(/^\w+$/) } },
    });
    expect(there(root)).toEqual([`${STEM}.json`]);
  });

  test.each<[string, RequestListener]>([
    ["500", (_request, response) => response.writeHead(500).end("the word is marzipan")],
    ["429", (_request, response) => response.writeHead(429).end("the word is marzipan")],
    [
      "half a file",
      (_request, response) =>
        void response.writeHead(200, { "content-type": "audio/wav", "content-length": 900 }).write("x", () => response.destroy()),
    ],
    ["no answer", (request) => request.socket.destroy()],
  ])(
    "for now (%s) is not given up at the first try of a call that waited a day: it is had when the recorder works again",
    async (_what, fault) => {
      let broken = true;
      const { at } = await recorder((request, response) => (broken ? fault(request, response) : play(response)));
      const { root, send } = await inFolder();
      const late = recorded(at(), { sinceAcceptedMs: 24 * HOUR_MS });
      expect(await send(late)).toMatchObject({ kind: "retry", because: "record", code: "recording_not_there", retryAfterMs: 300_000 });
      expect(there(root)).toEqual([`${STEM}.json`]);
      broken = false;
      expect(await send(late)).toMatchObject({ kind: "delivered", receipt: { extra: { recording: `${STEM}.recording.wav` } } });
    },
  );

  test("because nobody listens there is not given up either", async () => {
    const { send } = await inFolder();
    expect(await send(recorded("http://127.0.0.1:1/a.wav", { sinceAcceptedMs: 24 * HOUR_MS }))).toMatchObject({
      kind: "retry",
      reason: expect.stringContaining("ECONNREFUSED"),
    });
  });

  test("because the archive is closed meanwhile is not missing: a later try has it", async () => {
    let begun: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const { at } = await recorder(() => begun());
    const { send, destination } = await inFolder();
    const sending = send(recorded(at(), { sinceAcceptedMs: 24 * HOUR_MS }));
    await asked;
    await destination.close();
    expect(await sending).toMatchObject({ kind: "retry", because: "record", reason: expect.stringContaining("given_up") });
  });

  test("because the recorder switches protocols keeps no call waiting, and lets the archive close", async () => {
    const { at } = await recorder((request) =>
      request.socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
    );
    const { send, destination } = await inFolder();
    expect(await send(recorded(at()))).toMatchObject({ kind: "retry", code: "recording_not_there" });
    await destination.close();
  });

  test("because recorders say nothing holds nobody else's place for long", async () => {
    const silent = await recorder(() => undefined);
    const working = await recorder();
    const downloads = createDownloads({
      folder: newFolder(),
      maxBytes: 1e6,
      allowPrivate: true,
      allowHttp: true,
      maxJobs: 1,
      stallMs: 300,
    });
    onTestFinished(() => downloads.close());
    expect(await downloads.fetched({ stem: "a", address: silent.at(), waitMs: 0 })).toBeUndefined();
    expect(await downloads.fetched({ stem: "b", address: working.at(), waitMs: 10_000 })).toBeUndefined();
    await expect(downloads.fetched({ stem: "a", address: silent.at(), waitMs: 10_000 })).rejects.toMatchObject({
      code: "stalled",
      lasts: "for-now",
    });
    expect(await downloads.fetched({ stem: "b", address: working.at(), waitMs: 10_000 })).toMatchObject({ bytes: AUDIO.byteLength });
  });

  test("because recorders send a byte now and then holds nobody else's place for long either", async () => {
    const dripping = await recorder((_request, response) => {
      response.writeHead(200, { "content-type": "audio/wav" });
      const timer = setInterval(() => response.write("x"), 20);
      response.on("close", () => clearInterval(timer));
    });
    const working = await recorder();
    const downloads = createDownloads({
      folder: newFolder(),
      maxBytes: 1e6,
      allowPrivate: true,
      allowHttp: true,
      maxJobs: 1,
      stallMs: 300,
    });
    onTestFinished(() => downloads.close());
    expect(await downloads.fetched({ stem: "a", address: dripping.at(), waitMs: 0 })).toBeUndefined();
    await expect(downloads.fetched({ stem: "a", address: dripping.at(), waitMs: 10_000 })).rejects.toMatchObject({
      code: "too_slow",
      lasts: "for-now",
    });
    expect(await downloads.fetched({ stem: "b", address: working.at(), waitMs: 10_000 })).toMatchObject({ bytes: AUDIO.byteLength });
  });

  test("because one host keeps its recordings back leaves places for other hosts", async () => {
    const silent = await recorder(() => undefined);
    const working = await recorder();
    const downloads = createDownloads({ folder: newFolder(), maxBytes: 1e6, allowPrivate: true, allowHttp: true });
    onTestFinished(() => downloads.close());
    for (let index = 0; index < 20; index += 1) {
      expect(await downloads.fetched({ stem: `s${index}`, address: silent.at(`/${index}.wav`), waitMs: 0 })).toBeUndefined();
    }
    expect(await downloads.fetched({ stem: "b", address: working.at(), waitMs: 10_000 })).toMatchObject({ bytes: AUDIO.byteLength });
    expect(silent.asked.length).toBeLessThanOrEqual(8);
  });

  test("at first is fetched as soon as it is there", async () => {
    let ready = false;
    const { at } = await recorder((_request, response) => (ready ? play(response) : response.writeHead(404).end()));
    const { send } = await inFolder();
    expect((await send(recorded(at()))).kind).toBe("retry");
    ready = true;
    expect(await send(recorded(at()))).toMatchObject({ kind: "delivered", receipt: { extra: { recording: `${STEM}.recording.wav` } } });
  });

  test.each<[string, RequestListener]>([
    ["says", (_request, response) => play(response, Buffer.alloc(1024 * 1024 + 1))],
    ["does not say", (_request, response) => response.writeHead(200, { "content-type": "audio/wav" }).end(Buffer.alloc(1024 * 1024 + 1))],
  ])("because it is too long, and the recorder %s so, is missing at once", async (_what, answer) => {
    const { at } = await recorder(answer);
    const { root, receipt } = await inFolder({ max_recording: "1MB" });
    expect((await receipt(recorded(at()))).extra).toEqual({ recording_missing: "too_large" });
    expect(there(root)).toEqual([`${STEM}.json`]);
  });

  test("of exactly the longest length is kept", async () => {
    const { at } = await recorder((_request, response) => play(response, Buffer.alloc(1024 * 1024)));
    const { receipt } = await inFolder({ max_recording: "1MB" });
    expect((await receipt(recorded(at()))).extra).toEqual({ recording: `${STEM}.recording.wav` });
  });

  test.each(["not an address", "ftp://example.com/a.wav", "file:///etc/passwd", "http://user:pass@127.0.0.1/a.wav"])(
    "at %s is missing at once",
    async (url) => {
      const { receipt } = await inFolder();
      expect((await receipt(recorded(url))).extra).toEqual({ recording_missing: expect.stringMatching(/^(no_address|refused_address)$/) });
    },
  );
});

describe("a recording at an address inside", () => {
  async function guarded(more: { allow_private?: boolean; allow_http?: boolean; resolve?: ResolveName }) {
    const store = await openFolderStore({ url: `file:${newFolder()}` });
    const archive = archiveIn({
      ...{ store, recordings: true, max_recording: "1MB", allow_private: false, allow_http: true, timeoutMs: 5_000 },
      ...more,
    });
    onTestFinished(() => archive.close());
    return async (url: string) => (await archive.send([recorded(url)], { signal: AbortSignal.timeout(5_000) }))[0];
  }
  const missing = { kind: "delivered", receipt: { extra: { recording_missing: "refused_address" } } };

  test("is not asked for, whether the call names it by number or by name; the call is archived without", async () => {
    const { asked, port, at } = await recorder();
    const resolve: ResolveName = (_name, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]);
    const send = await guarded({ resolve });
    for (const url of [at(), `http://2130706433:${port}/`, `http://recordings.example.com:${port}/a.wav`, "http://169.254.169.254/latest"])
      expect(await send(url)).toMatchObject(missing);
    expect(asked).toEqual([]);
  });

  test("is not reached by a redirect from outside either", async () => {
    const inside = await recorder();
    const outside = await recorder((_request, response) =>
      response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end(),
    );
    const send = await guarded({ allow_private: true });
    expect(await send(outside.at())).toMatchObject(missing);
    expect(outside.asked).toHaveLength(1);
    expect(inside.asked).toEqual([]);
  });

  test("is followed where both addresses may be asked, as recorders hand over to their storage", async () => {
    const storage = await recorder();
    const front = await recorder((_request, response) => response.writeHead(307, { location: storage.at("/signed?x=1") }).end());
    const send = await guarded({ allow_private: true });
    expect(await send(front.at())).toMatchObject({ kind: "delivered", receipt: { extra: { recording: `${STEM}.recording.wav` } } });
  });

  test("over plain http is not asked for unless that is allowed", async () => {
    const { asked, at } = await recorder();
    const send = await guarded({ allow_private: true, allow_http: false });
    expect(await send(at())).toMatchObject(missing);
    expect(asked).toEqual([]);
  });
});

describe("a recording that takes longer than an attempt", () => {
  test("is fetched on while the call waits: the next attempt finds it, and it was asked for once", async () => {
    let begun: (response: ServerResponse) => void = () => undefined;
    const answering = new Promise<ServerResponse>((resolve) => {
      begun = resolve;
    });
    const { asked, at } = await recorder((_request, response) => {
      response.writeHead(200, { "content-type": "audio/wav", "content-length": AUDIO.byteLength }).write(AUDIO.subarray(0, 1_000));
      begun(response);
    });
    const { root, send } = await inFolder({}, { timeoutMs: 400 });
    expect(await send(recorded(at()))).toMatchObject({
      kind: "retry",
      because: "record",
      code: "recording_under_way",
      retryAfterMs: 15_000,
    });
    expect(filesOf(root).has(`${STEM}.json`)).toBe(true);
    expect(filesOf(root).has(`${STEM}.recording.meta`)).toBe(false);
    (await answering).end(AUDIO.subarray(1_000));
    // A day behind, it is still waited for while it comes.
    let outcome = await send(recorded(at(), { sinceAcceptedMs: 24 * HOUR_MS }));
    for (let tries = 0; outcome.kind === "retry" && tries < 20; tries += 1)
      outcome = await send(recorded(at(), { sinceAcceptedMs: 24 * HOUR_MS }));
    expect(outcome).toMatchObject({ kind: "delivered", receipt: { extra: { recording: `${STEM}.recording.wav` } } });
    expect(asked).toHaveLength(1);
    expect(filesOf(root).get(`${STEM}.recording.wav`)?.equals(AUDIO)).toBe(true);
  });

  test("and meanwhile moves to another address is fetched from there", async () => {
    const moved = Buffer.alloc(2_000, "B");
    const { at } = await recorder((request, response) => {
      if (request.url === "/b.wav") play(response, moved);
      else response.writeHead(200, { "content-type": "audio/wav", "content-length": AUDIO.byteLength }).write(AUDIO.subarray(0, 1_000));
    });
    const { root, send } = await inFolder({}, { timeoutMs: 400 });
    expect((await send(recorded(at()))).kind).toBe("retry");
    let outcome = await send(recorded(at("/b.wav")));
    for (let tries = 0; outcome.kind === "retry" && tries < 20; tries += 1) outcome = await send(recorded(at("/b.wav")));
    expect(outcome.kind).toBe("delivered");
    expect(filesOf(root).get(`${STEM}.recording.wav`)?.equals(moved)).toBe(true);
    expect([...filesOf(root).keys()].filter((name) => name.startsWith(".incoming/"))).toEqual([]);
  });

  test("is given up when the archive is closed or the call erased: nothing of it is left", async () => {
    const { at } = await recorder((_request, response) => {
      response.writeHead(200, { "content-type": "audio/wav", "content-length": AUDIO.byteLength }).write(AUDIO.subarray(0, 1_000));
    });
    const { root, send, erase, destination } = await inFolder({}, { timeoutMs: 300 });
    await send(recorded(at()));
    await expect.poll(() => [...filesOf(root).keys()].filter((name) => name.startsWith(".incoming/")), { timeout: 10_000 }).toHaveLength(1);
    expect(await erase({ id: `${STEM}.json` })).toBe(true);
    expect(filesOf(root)).toEqual(new Map());
    await send(recorded(at()));
    await destination.close();
    expect([...filesOf(root).keys()]).toEqual([`${STEM}.json`]);
  });
});
