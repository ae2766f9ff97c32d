import type { Sandbox, SandboxOptions, VendorFault } from "../../../src/connector/index.ts";

const TOKEN = "notes-sandbox-token";
/** Few enough that a dozen calls meet it. */
const LIMIT = { notes: 10, perMs: 1_000 };

interface Stored {
  id: string;
  key: string;
  fields: Record<string, unknown>;
}

/** `GET /notes?key=` gives the note or null. `POST /notes` upserts by key where `upsert` is true, else creates. A field that is null is cleared, one that is absent stays. */
interface Body {
  upsert: boolean;
  notes: { key: string; id?: string; fields: Record<string, unknown> }[];
}

/** A small API that has all that the kit asks for: a credential, batches with an answer for each, limits. */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const { limits = true } = options;
  const notes: Stored[] = [];
  const refused = new Set<string>();
  let taken: number[] = [];

  function write({ key, id, fields }: Body["notes"][number], upsert: boolean): { id: string } | { error: string } {
    if (refused.has(key)) return { error: `the note of ${fields.number} is not valid` };
    const existing = notes.find((note) => (id === undefined ? upsert && note.key === key : note.id === id));
    const note = existing ?? { id: `n${notes.length + 1}`, key, fields: {} };
    if (!existing) notes.push(note);
    Object.assign(note.fields, fields);
    return { id: note.id };
  }

  return {
    example: {},
    wrong: { token: "notes-wrong-credential" },
    writes: ({ method, path }) => method === "POST" && path === "/notes",
    settings: ({ url }) => ({ base_url: url, token: TOKEN }),
    records: async () => notes.map(({ key, id, fields }) => ({ key, id, line: `note ${id}`, body: { ...fields } })),
    refuse: (key) => void refused.add(key),
    fault: faultOf,
    async fetch(request) {
      if (request.headers.get("authorization") !== `Bearer ${TOKEN}`) return faultOf("unauthorized");
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/me") return Response.json({ user: "patchbay" });
      if (request.method === "GET") return Response.json({ found: notes.find(({ key }) => key === searchParams.get("key")) ?? null });
      const body = (await request.json()) as Body;
      const nowMs = performance.now();
      taken = taken.filter((atMs) => atMs > nowMs - LIMIT.perMs);
      if (limits && taken.length + body.notes.length > LIMIT.notes) return faultOf("rate-limited");
      taken.push(...body.notes.map(() => nowMs));
      const results = body.notes.map((note) => write(note, body.upsert));
      return searchParams.get("answer") === "none" ? new Response(null, { status: 204 }) : Response.json({ results });
    },
  };
}

function faultOf(kind: VendorFault): Response {
  switch (kind) {
    case "rate-limited":
      return Response.json({ error: "too_many" }, { status: 429, headers: { "retry-after": "1" } });
    case "rate-limited-silent":
      return Response.json({ error: "too_many" }, { status: 429 });
    case "server-error":
      return new Response("oops", { status: 502 });
    case "unauthorized":
      return Response.json({ error: "token" }, { status: 401 });
  }
}
