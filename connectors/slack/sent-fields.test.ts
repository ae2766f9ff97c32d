import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { callTo, startWorkspace } from "../../test/support/open-slack.ts";
import { slack } from "./index.ts";

type Fields = Record<string, unknown>;
interface Block {
  type: string;
  fields?: unknown;
  elements?: { action_id?: string }[];
}

/** The fields of a request, as the table of the connector's page names them. */
function fieldsOf(form: Fields): string[] {
  return Object.entries(form).flatMap(([name, value]) => {
    if (name === "blocks") return (value as Block[]).flatMap(blockFields);
    if (name !== "metadata") return [name];
    const { event_payload, ...rest } = value as Fields;
    return [...Object.keys(rest), ...Object.keys(event_payload as Fields)].map((key) => `metadata.${key}`);
  });
}

function blockFields({ type, fields, elements }: Block): string[] {
  if (type === "section") return [fields ? "blocks.section.fields" : "blocks.section.text"];
  return type === "actions" ? (elements ?? []).map(({ action_id }) => `blocks.actions.${action_id}`) : [`blocks.${type}`];
}

const listed = new Set(slack.sends?.map(({ field }) => field));

test("no golden request has a field that the page does not list", () => {
  const folder = new URL("golden/", import.meta.url);
  const files = readdirSync(folder);
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) {
    const requests = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as { body: Fields }[];
    expect(requests.flatMap(({ body }) => fieldsOf(body)).filter((field) => !listed.has(field))).toEqual([]);
  }
});

test("threads, mentions, records and lines send what the page lists, and the page lists nothing that is never sent", async () => {
  const sent = new Set<string>();
  const { open } = await startWorkspace({
    fault(method, form) {
      if (!method.startsWith("chat.")) return undefined;
      const json = (name: string, text: string) => (name === "blocks" || name === "metadata" ? JSON.parse(text) : text);
      for (const field of fieldsOf(Object.fromEntries([...form].map(([name, text]) => [name, json(name, text)])))) sent.add(field);
      return undefined;
    },
  });
  const { receipt } = await open();
  const all = { thread_by: "customer", mention: "owner", max_per_hour: 2 } as const;
  const related = { title: "HubSpot", url: "https://app.hubspot.com/1", person: { id: "7", kind: "contact", name: "Dana" } };
  const first = await receipt(callTo("a", { with: all, related }));
  await receipt(callTo("b", { with: all, related }));
  await receipt(callTo("c", { with: all, related }));
  await receipt(callTo("a", { with: all, previous: first }));
  expect([...sent].filter((field) => !listed.has(field))).toEqual([]);
  expect([...listed].filter((field) => !sent.has(field))).toEqual([]);
});
