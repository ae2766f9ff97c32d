/**
 * Writes image/, what the container image holds: the compiled program, and of node_modules those files that it can reach, SDKs for S3 and BigQuery
 * included (a third of what `npm prune --omit=dev` leaves). Licences of every package stay.
 */
import { cpSync, existsSync, globSync, readFileSync, rmSync, statSync } from "node:fs";
import { nodeFileTrace } from "@vercel/nft";

const OUT = "image";
const PROGRAM = ["package.json", "LICENSE", "bin/patchbay.js", "bin/health.sh", "config/routes.schema.json"];
const LICENCES = "{LICEN[CS]E,licen[cs]e,NOTICE,Notice,COPYING,Copying}*";

if (!existsSync("dist/src/cli.js")) throw new Error("dist/ is not there: npm run build makes it");
rmSync(OUT, { recursive: true, force: true });
for (const file of PROGRAM) cpSync(file, `${OUT}/${file}`);
cpSync("dist", `${OUT}/dist`, { recursive: true, filter: (path) => !path.endsWith(".d.ts") });

// kafkajs is read as text (`driver/private-copy.ts`), which the tracer does not see.
const entries = [...globSync("dist/{src,connectors}/**/*.js"), "node_modules/kafkajs/index.js"];
const { fileList } = await nodeFileTrace(entries, { conditions: ["node"] });
const reached = [...fileList].filter((file) => file.startsWith("node_modules/") && statSync(file).isFile());
const packages = new Set(reached.flatMap(packageOf));
const licences = [...packages].flatMap((folder) => [...globSync(`${folder}/${LICENCES}`), `${folder}/package.json`]);
const kept = new Set([...reached, ...licences.filter((file) => statSync(file).isFile())]);
for (const file of kept) cpSync(file, `${OUT}/${file}`, { dereference: true });

const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const bytes = [...kept].reduce((sum, file) => sum + statSync(file).size, 0);
console.log(`patchbay ${version}: ${packages.size} packages, ${kept.size} of their files, ${Math.round(bytes / 1e6)} MB`);

/** `node_modules/a/node_modules/@b/c/d.js` is of `node_modules/a/node_modules/@b/c`. */
function packageOf(file: string): string[] {
  const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file);
  return found?.[1] ? [found[1]] : [];
}
