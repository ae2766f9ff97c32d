/**
 * `npm run new connector <name>`: writes connectors/<name>/, a page, and the line in connectors/index.ts, from scripts/connector-template, which is a
 * connector that works: its words are replaced, and nothing else happens.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const TEMPLATE = join(import.meta.dirname, "connector-template");
/** The same names in every connector (CONTRIBUTING.md). */
const FILES = ["index.ts", "settings.ts", "mapping.ts", "open.ts", "client.ts", "errors.ts", "record.ts", "sandbox/index.ts"];
/** Also an identifier of JavaScript and a folder on every system. */
const NAME = /^[a-z][a-z0-9]{1,30}$/;
const RESERVED = new Set(
  "await break case catch class const continue debugger default delete do else enum export extends false finally for function if implements import in index instanceof interface let new null package private protected public return static super switch this throw true try typeof var void while with yield".split(
    " ",
  ),
);

class Refused extends Error {}

/** @throws {Refused} for a name that cannot be, or is taken, and for an index that does not look as it should. */
function newConnector(options: { name: string; root: string }): string[] {
  const { name, root } = options;
  if (!NAME.test(name) || RESERVED.has(name)) {
    throw new Refused(`"${name}" cannot be a connector's name: small letters and digits, a letter first, and no word of JavaScript.`);
  }
  const index = join(root, "connectors/index.ts");
  const written = {
    ...Object.fromEntries(FILES.map((file) => [`connectors/${name}/${file}`, file])),
    [`connectors/${name}/${name}.test.ts`]: "example.test.ts",
    [`docs/connectors/${name}.md`]: "page.md",
  };
  const taken = [`connectors/${name}`, `docs/connectors/${name}.md`].find((path) => existsSync(join(root, path)));
  if (taken) throw new Refused(`${taken} is there already.`);
  // Before anything is written.
  const registered = withLine(readFileSync(index, "utf8"), name);

  for (const [path, template] of Object.entries(written)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), renamed(readFileSync(join(TEMPLATE, template), "utf8"), name));
  }
  writeFileSync(index, registered);
  return [...Object.keys(written), "connectors/index.ts"];
}

function renamed(text: string, name: string): string {
  const title = `${name[0]?.toUpperCase()}${name.slice(1)}`;
  return (
    text
      .replace(/\bEXAMPLE_/g, `${name.toUpperCase()}_`)
      .replace(/\bopenExample\b/g, `open${title}`)
      .replace(/\bExample(?=\b|Settings|With)/g, title)
      .replace(/\bexample(?=Settings|With)/g, name)
      // The sandbox's `example` and the address stay.
      .replace(/\bexample\b(?!: \{\}|\.com)/g, name)
  );
}

/** An import and a word in the list, both in their order. */
function withLine(text: string, name: string): string {
  const line = `import { ${name} } from "./${name}/index.ts";`;
  const imports = [...text.matchAll(/^import \{ (\w+) \} from "\.\/\w+\/index\.ts";$/gm)];
  const list = /connectors = \{([^}]*)\}/.exec(text);
  const last = imports.at(-1);
  if (!list || !last) throw new Refused(`connectors/index.ts does not look as it should: add the connector there by hand.\n  ${line}`);
  const names = [...imports.map(([, one]) => String(one)), name].toSorted();
  const block = names.map((one) => `import { ${one} } from "./${one}/index.ts";`).join("\n");
  const from = imports[0]?.index ?? 0;
  const words = [
    ...(list[1] ?? "")
      .split(",")
      .map((word) => word.trim())
      .filter((word) => word !== ""),
    name,
  ].toSorted();
  return `${text.slice(0, from)}${block}${text.slice(last.index + last[0].length)}`.replace(
    list[0],
    `connectors = { ${words.join(", ")} }`,
  );
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { root: { type: "string" } } });
const [what, name, ...more] = positionals;
try {
  if (what !== "connector" || name === undefined || more.length > 0) throw new Refused("Say: npm run new connector <name>");
  const files = newConnector({ name, root: resolve(values.root ?? join(import.meta.dirname, "..")) });
  for (const file of files) console.log(file);
  console.log(`
It works against its sandbox as it is. Make it ${name}'s: requests in client.ts, the record in record.ts, errors in errors.ts, the vendor's rules in sandbox/index.ts. Then
  npx biome check --write connectors/${name}
  npx vitest run --project fast connectors/${name} test/connector/connectors.test.ts    its own tests, and the contract
  npx vitest run --project fast test/connector/golden.test.ts -u    what a dozen calls become: read it as a salesperson would
  npm run generate    the page's tables, and the JSON Schema
  npm run -s patchbay -- certify ${name}    its bad days
CONTRIBUTING.md ("Add a connector") walks through one.`);
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
