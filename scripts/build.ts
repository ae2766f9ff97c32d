/** `node scripts/build.ts [folder]`: compiles the sources into dist/ for publishing: Node strips no types below node_modules. */
import { execFileSync } from "node:child_process";
import { cpSync, globSync, rmSync } from "node:fs";

const [folder = "dist"] = process.argv.slice(2);
rmSync(folder, { recursive: true, force: true });
execFileSync("tsc", ["-p", "tsconfig.build.json", "--outDir", folder], { stdio: "inherit", shell: process.platform === "win32" });
for (const file of globSync("src/**/*.{json,yaml,sql}")) cpSync(file, `${folder}/${file}`);
cpSync("package.json", `${folder}/package.json`);
