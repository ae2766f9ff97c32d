import { mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { removeUnfinished } from "./temp-cleanup.ts";

function folderWith(files: Record<string, { content: string; ageMs: number }>): string {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-left-overs-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, { content, ageMs }] of Object.entries(files)) {
    writeFileSync(join(folder, name), content);
    const at = new Date(Date.now() - ageMs);
    utimesSync(join(folder, name), at, at);
  }
  return folder;
}

test("what a process that was killed had begun to write of a call goes; a recording that may be on its way stays, and is said", async () => {
  const folder = folderWith({
    whole: { content: '{"call_id":"a"}', ageMs: 70_000 },
    half: { content: '{"call_id":"a","transc', ageMs: 70_000 },
    empty: { content: "", ageMs: 70_000 },
    "old-recording": { content: "RIFF", ageMs: 4_000_000 },
    recording: { content: "RIFF", ageMs: 70_000 },
  });
  expect(await removeUnfinished(folder)).toMatch(
    /^1 unfinished recording in .*, younger than an hour, may be of it: run this once more in an hour$/,
  );
  expect(readdirSync(folder)).toEqual(["recording"]);
});

test("a file that is being written is waited for until it is in its place, one that nobody moves until it is a minute old", async () => {
  const folder = folderWith({
    "being-written": { content: '{"call_id":"b"}', ageMs: 0 },
    abandoned: { content: '{"call_id":"a"}', ageMs: 59_500 },
  });
  const place = folderWith({});
  const removing = removeUnfinished(folder);
  renameSync(join(folder, "being-written"), join(place, "b.json"));
  expect(await removing).toBeUndefined();
  expect([readdirSync(folder), readdirSync(place)]).toEqual([[], ["b.json"]]);
});
