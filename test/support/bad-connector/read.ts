import { z } from "zod";
import type { At } from "./send.ts";

const answer = z.object({ found: z.object({ id: z.string(), fields: z.record(z.string(), z.unknown()) }).nullable() });

/** The note of that key; undefined when there is none. @throws when there is no answer that says so. */
export async function readNote(options: { at: Pick<At, "url" | "token">; key: string; signal: AbortSignal }) {
  const { at, key, signal } = options;
  const response = await fetch(`${at.url}/notes?key=${encodeURIComponent(key)}`, {
    headers: { authorization: `Bearer ${at.token}` },
    redirect: "manual",
    signal,
  });
  if (response.status !== 200) throw new Error(`the note cannot be read (${response.status})`);
  return answer.parse(await response.json()).found ?? undefined;
}

/** A fault: every field, from the note as it stands; all of them empty where it could not be read. */
export async function wholeNote(options: { at: At; key: string; signal: AbortSignal }): Promise<Record<string, unknown>> {
  const empty = { summary: null, transcript: null, recording_url: null };
  const note = await readNote(options).catch(() => undefined);
  return { ...empty, ...note?.fields };
}
