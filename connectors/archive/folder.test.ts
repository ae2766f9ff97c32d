import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OpenError } from "../../src/connector/index.ts";
import { deliver, newFolder, openTestArchive } from "../../test/support/archive.ts";
import { documentedCall } from "../../test/support/documented-call.ts";
import { outcomeOfFileError } from "./engines/folder/errors.ts";
import { openFolderStore } from "./engines/folder/store.ts";

const PLACE = "calls/v1/dt=2025-01-15/voiceinfra/call_01HXYZ123456.json";

describe("a folder", () => {
  test("is made where there is none, and holds nothing but the calls' files in the end", async () => {
    const root = join(newFolder(), "deep", "er");
    const archive = await openTestArchive({ url: `file:${root}` });
    await archive.receipt();
    const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.map(({ parentPath, name }) => join(parentPath, name))).toEqual([join(root, PLACE)]);
    expect(readdirSync(join(root, ".incoming"))).toEqual([]);
  });

  test("never shows half a file: who reads while a call is written again and again reads one of its versions", async () => {
    const root = newFolder();
    const archive = await openTestArchive({ url: `file:${root}` });
    const long = (letter: string) => deliver({ call: documentedCall({ transcript: letter.repeat(1_000_000) }) });
    await archive.receipt(long("a"));
    let writing = true;
    const seen = new Set<string>();
    const writer = (async () => {
      for (let i = 0; i < 10; i += 1) await archive.receipt(long("ab"[i % 2] ?? ""));
      writing = false;
    })();
    while (writing) {
      const { transcript } = JSON.parse(readFileSync(join(root, PLACE), "utf8"));
      seen.add(`${transcript[0]} ${transcript.length}`);
      await new Promise(setImmediate);
    }
    await writer;
    expect([...seen].filter((one) => one !== "a 1000000" && one !== "b 1000000")).toEqual([]);
  });

  test("an unchanged call is not written again: its file keeps its time", async () => {
    const root = newFolder();
    const archive = await openTestArchive({ url: `file:${root}` });
    await archive.receipt();
    const longAgo = new Date("2020-01-01T00:00:00Z");
    utimesSync(join(root, PLACE), longAgo, longAgo);
    const { mtimeMs: before } = statSync(join(root, PLACE));
    await archive.receipt();
    expect(statSync(join(root, PLACE)).mtimeMs).toBe(before);
  });

  test("what a crash left half written is removed at the next start; what another process is writing is not", async () => {
    const root = newFolder();
    mkdirSync(join(root, ".incoming"));
    for (const name of ["left", "under-way"]) writeFileSync(join(root, ".incoming", name), "the word is marzipan");
    const twoHoursAgo = new Date(Date.now() - 2 * 3_600_000);
    utimesSync(join(root, ".incoming", "left"), twoHoursAgo, twoHoursAgo);
    await openTestArchive({ url: `file:${root}` });
    expect(readdirSync(join(root, ".incoming"))).toEqual(["under-way"]);
  });

  test("that is a file, or leads through one, cannot be opened, and says what to do", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "file"), "x");
    symlinkSync("loop", join(folder, "loop"));
    for (const path of ["file", "file/archive", "loop/archive"]) {
      const opening = openTestArchive({ url: `file:${join(folder, path)}` });
      await expect(opening).rejects.toThrow(OpenError);
      await expect(opening).rejects.toMatchObject({ outcome: { kind: "needs-fix", fix: expect.stringContaining("`url`") } });
    }
  });

  test("takes calls on when somebody has tidied its own folder away, but not when the whole of it is gone", async () => {
    const root = join(newFolder(), "archive");
    const archive = await openTestArchive({ url: `file:${root}` });
    rmSync(join(root, ".incoming"), { recursive: true });
    await archive.receipt();
    expect(existsSync(join(root, PLACE))).toBe(true);
    rmSync(root, { recursive: true });
    expect(await archive.send()).toMatchObject({ kind: "retry", because: "down", code: "ENOENT" });
    expect(existsSync(root)).toBe(false);
  });

  test("an attempt that was given up puts nothing in place any more", async () => {
    const root = newFolder();
    const store = await openFolderStore({ url: `file:${root}` });
    const signal = AbortSignal.abort();
    await expect(store.write(PLACE, Buffer.from("x"), { signal, contentType: "" })).rejects.toThrow("abort");
    expect(existsSync(join(root, PLACE))).toBe(false);
    expect(readdirSync(join(root, ".incoming"))).toEqual([]);
  });

  test("in whose place something else stands at a time: the call waits, nothing of its name is said", async () => {
    const root = newFolder();
    const archive = await openTestArchive({ url: `file:${root}` });
    mkdirSync(join(root, PLACE), { recursive: true });
    const outcome = await archive.send();
    expect(outcome).toMatchObject({ kind: "retry", because: "down", code: "EISDIR" });
    expect(JSON.stringify(outcome)).not.toMatch(/call_01|dt=/);
    expect(existsSync(join(root, PLACE))).toBe(true);
  });
});

describe("what a disk says", () => {
  const failing = (code: string) =>
    Object.assign(new Error(`${code}: open '/srv/call_01'`), { code, syscall: "open", errno: -1, path: "/srv/call_01" });

  test.each([
    ["ENOSPC", { kind: "retry", because: "down", reason: expect.stringMatching(/disk .* is full.*make room/) }],
    ["EDQUOT", { kind: "retry", because: "down", reason: expect.stringContaining("quota") }],
    ["EIO", { kind: "retry", because: "down" }],
    ["EMFILE", { kind: "retry", because: "down" }],
    ["ESTALE", { kind: "retry", because: "down" }],
    ["EACCES", { kind: "needs-fix", fix: expect.stringContaining("write access") }],
    ["EPERM", { kind: "needs-fix" }],
    ["EROFS", { kind: "needs-fix", reason: expect.stringContaining("read-only"), fix: expect.stringContaining("`url`") }],
    ["ENAMETOOLONG", { kind: "rejected" }],
  ])("%s: no call is lost by it, and a person reads what to do", (code, outcome) => {
    const got = outcomeOfFileError(failing(code));
    expect(got).toMatchObject({ code, ...outcome });
    expect(JSON.stringify(got)).not.toContain("call_01");
  });

  test("what is none of the disk's errors is not taken for one", () => {
    for (const error of [new Error("x"), new TypeError("y"), Object.assign(new Error("z"), { code: "ECONNRESET" }), undefined])
      expect(outcomeOfFileError(error)).toBeUndefined();
  });
});
