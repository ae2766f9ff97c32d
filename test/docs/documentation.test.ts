/** Every code block of README and docs is run or checked here, in documentation-run.test.ts or in routes/documented.test.ts (yaml). */
import { createHmac } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import packageJson from "../../package.json" with { type: "json" };
import { SETTING_NAMES } from "../../src/commands/environment.ts";
import { readUrl } from "../../src/ledger/postgres/url.ts";
import { readSettings } from "../../src/log/kafka/settings.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { commandLineProblem, shellWords } from "../support/command-line.ts";
import { codeBlocks, inlineCode, ROOT, readPage } from "../support/documentation.ts";

const blocks = codeBlocks();
const of = (language: string) => blocks.filter((block) => block.language === language);
const isFile = (path: string) => existsSync(new URL(path, ROOT));

/** What CONTRIBUTING.md makes in its steps. */
const MADE = /^connectors\/zendesk|^deployment/;
/** Programs of others, which no test here has: PostgreSQL's own client tools. */
const NOT_HERE = new Set(["pg_dump", "pg_restore"]);

/** What is wrong with a line of a shell. */
async function lineProblem(line: string): Promise<string | undefined> {
  const parts = line.split(" && ");
  for (const part of parts) {
    const problem = await programProblem(shellWords(part));
    if (problem) return `${part}: ${problem}`;
  }
  return undefined;
}

async function programProblem(words: string[]): Promise<string | undefined> {
  const [program = "", ...rest] = words;
  if (NOT_HERE.has(program) || program.startsWith("kafka-") || program === "") return undefined;
  const check = PROGRAMS[program];
  return check ? check(rest) : "nobody checks this program";
}

const PROGRAMS: Record<string, (words: string[]) => Promise<string | undefined> | string | undefined> = {
  patchbay: commandLineProblem,
  npm: npmProblem,
  npx: ([program, ...rest]) => {
    if (program !== "vitest") return `npx ${program} is not known here`;
    const missing = rest.filter((word) => /\.ts$|^connectors\//.test(word)).find((file) => !MADE.test(file) && !isFile(file));
    return missing && `there is no ${missing}`;
  },
  docker: dockerProblem,
  cp: (words) => words.find((word) => !MADE.test(word) && word !== ".env" && !isFile(word)),
  mkdir: () => undefined,
  export: ([assignment = ""]) => {
    const [, name = "", value = ""] = /^(\w+)=(.*)$/.exec(assignment) ?? [];
    if (!(SETTING_NAMES as readonly string[]).includes(name)) return `there is no setting ${name}`;
    if (value.startsWith("kafka:")) readSettings(value);
    if (value.startsWith("postgres:")) readUrl(value);
    return undefined;
  },
  openssl: ([command = ""]) => (["dgst", "rand"].includes(command) ? undefined : `openssl ${command} is not known here`),
  echo: () => undefined,
};

function npmProblem(words: string[]): Promise<string | undefined> | string | undefined {
  const [command = "", ...rest] = words;
  if (command === "ci" || command === "test") return undefined;
  if (command !== "run") return `npm ${command} is not known here`;
  const [script = "", ...args] = rest.filter((word) => word !== "-s" && word !== "--");
  if (!(script in packageJson.scripts)) return `there is no script ${script}`;
  if (script === "patchbay") return commandLineProblem(args);
  return script === "demo" ? commandLineProblem(["demo", ...args]) : undefined;
}

function dockerProblem([command, ...words]: string[]): Promise<string | undefined> | string | undefined {
  if (command !== "compose") return undefined;
  const file = words[0] === "-f" ? words[1] : "docker-compose.yml";
  const [action, ...rest] = words[0] === "-f" ? words.slice(2) : words;
  if (file === undefined || !isFile(file)) return `there is no ${file}`;
  const { services } = parse(readPage(file), { merge: true }) as { services: Record<string, unknown> };
  if (action === undefined || action === "up") {
    const scaled = rest[rest.indexOf("--scale") + 1]?.split("=")[0];
    return rest.includes("--scale") && !(scaled !== undefined && scaled in services) ? `there is no service ${scaled}` : undefined;
  }
  const [service = "", program, ...args] = rest;
  if (!(service in services)) return `there is no service ${service}`;
  return program === "patchbay" ? commandLineProblem(args) : undefined;
}

/** Lines that end with a backslash go on in the next one. */
const linesOf = (text: string) =>
  text
    .replaceAll(/\\\n\s*/g, "")
    .split("\n")
    .filter(Boolean);

test.each(of("sh").map((block) => [`${block.page}:${block.line}`, block] as const))(
  "each command of %s is one, with its options",
  async (_, block) => {
    for (const line of linesOf(block.text)) expect(await lineProblem(line), line).toBeUndefined();
  },
);

test("each command that a sentence names is one, with its options", async () => {
  const named = inlineCode().filter(({ text }) => /^(patchbay|npm run|npx|docker compose) /.test(text));
  expect(named.length).toBeGreaterThan(30);
  for (const { page, text } of named) {
    // "…" stands for more of the same kind, and `--reason` may stand without its text.
    const words = text.replaceAll(/<(?!command>)[^>]*>/g, "x").replaceAll("…", "x");
    expect(await programProblem(shellWords(words)), `${page}: ${text}`).toBeUndefined();
  }
});

test("the README's table has every command, and no other", async () => {
  const [, section = ""] = readPage("README.md").split("## Commands");
  const rows = section.split("\n").filter((line) => /^\| `/.test(line));
  const cells = rows.flatMap((row) => [...(row.split(/ (?<!\\)\| /)[0] ?? "").matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text));
  for (const cell of cells) {
    const [words = "", ...alternatives] = cell
      .replaceAll("\\|", "|")
      .replaceAll(/[[\]]/g, "")
      .replaceAll(/<[^>]*>/g, "x")
      .split("|");
    const [command = ""] = words.split(" ");
    for (const one of [words, ...alternatives.map((alternative) => `${command} ${alternative}`)]) {
      if (one.startsWith("--")) continue;
      expect(await commandLineProblem(shellWords(one)), cell).toBeUndefined();
    }
  }
  const shown = new Set(cells.map((cell) => cell.split(" ")[0]));
  const source = readPage("src/cli.ts");
  const known = [...source.matchAll(/^(?:withEngines\(program\.|program\s*\.|const \w+ = program\.)?command\("([a-z-]+)/gm)].map(
    ([, name]) => name,
  );
  expect(known.length).toBeGreaterThan(20);
  expect(known.filter((name) => !shown.has(name))).toEqual([]);
});

describe("what is no command", () => {
  test("every block says what it is", () => {
    const checked = ["sh", "yaml", "json", "http", "js", "ts", "sql", "text"];
    expect(blocks.filter(({ language }) => !checked.includes(language))).toEqual([]);
  });

  test("json is JSON", () => {
    for (const { text } of of("json")) expect(() => JSON.parse(text)).not.toThrow();
  });
});

describe("docs/voiceinfra.md", () => {
  const page = readPage("docs/voiceinfra.md");
  const example =
    of("json")
      .find((block) => block.page === "docs/voiceinfra.md")
      ?.text.trimEnd() ?? "";

  test("shows the documented record byte for byte, and its signature", () => {
    expect(example).toBe(documentedExample().toString());
    const digest = createHmac("sha256", "patchbay-example-secret").update(example).digest("hex");
    expect(of("http").find((block) => block.page === "docs/voiceinfra.md")?.text).toContain(`x-voiceinfra-signature: ${digest}`);
    expect(page).toContain("openssl dgst -sha256 -hmac patchbay-example-secret call.json");
  });

  test("has every field of the record, and every code that the ingress answers with", () => {
    const fields = [
      ...(readPage("src/model/call.ts")
        .split("unknown:")[0]
        ?.matchAll(/^ {2}(\w+)\??:/gm) ?? []),
    ].map(([, field]) => field);
    expect(fields).toContain("transcript");
    for (const field of fields) expect(page, field).toMatch(new RegExp(`^\\|.*\`${field}\`.*\\|.*\\|.*\\|.*\\|$`, "m"));

    const sources = ["accept", "receive", "verify", "app"].map((name) => readPage(`src/ingress/${name}.ts`));
    const answered = [...sources, readPage("src/model/record.ts")].join("\n");
    const codes = [...answered.matchAll(/(?:code: |refusal\(\s*|bad\()"([a-z_]+)"/g)].map(([, code = ""]) => code);
    expect(codes).toEqual(expect.arrayContaining(["accepted", "signature_wrong", "not_json", "not_a_call_record", "log_unavailable"]));
    for (const code of codes.filter((one) => one !== "not_found"))
      expect(page, code).toMatch(new RegExp(`^\\| \\d{3} +\\|.*\`${code}\``, "m"));
  });
});

test("the layers of docs/architecture.md are folders and files that are there", () => {
  const layers = of("text").find(({ page, text }) => page === "docs/architecture.md" && text.includes("src/cli.ts"))?.text ?? "";
  const paths = [...layers.matchAll(/(?:src|connectors)\/[\w./{},*-]*/g)].flatMap(([path]) => {
    const [, before = path, names = ""] = /^(.*)\{(.*)\}$/.exec(path.replace(/\/$/, "")) ?? [undefined, path.replace(/\/$/, "")];
    return names === "" ? [before] : names.split(",").map((name) => `${before}${name}`);
  });
  expect(paths.length).toBeGreaterThan(15);
  expect(paths.filter((path) => !isFile(path))).toEqual([]);
});

test("the Kubernetes example probes what is there", () => {
  const text = of("yaml").find(({ page }) => page === "docs/containers.md")?.text ?? "";
  const [container] = (parse(text) as { spec: { containers: Record<string, unknown>[] } }).spec.containers;
  expect(container).toMatchObject({
    args: ["ingress"],
    env: [{ name: expect.stringMatching(new RegExp(`^(${SETTING_NAMES.join("|")})$`)) }],
    readinessProbe: { httpGet: { path: "/readyz", port: 8080 } },
    livenessProbe: { httpGet: { path: "/healthz", port: 8080 } },
  });
});

test("links between pages lead to a page and a heading", () => {
  const anchorOf = (heading: string) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
  const broken = [...new Set(inlinePages())].flatMap((page) =>
    [...readPage(page).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].flatMap(([link, path = "", anchor]) => {
      const target = path === "" ? page : new URL(path, new URL(page, ROOT)).pathname.slice(ROOT.pathname.length);
      if (!isFile(target)) return [`${page}: ${link}`];
      if (anchor === undefined || !target.endsWith(".md")) return [];
      const headings = [...readFileSync(new URL(target, ROOT), "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
        anchorOf(heading),
      );
      return headings.includes(anchor) ? [] : [`${page}: ${link}`];
    }),
  );
  expect(broken).toEqual([]);
});

function inlinePages(): string[] {
  return inlineCode().map(({ page }) => page);
}
