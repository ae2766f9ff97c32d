/** Compiles the sources into dist/ for publishing: Node strips no types below node_modules. */
import { execFileSync } from "node:child_process";
import { cpSync, globSync, rmSync } from "node:fs";

rmSync("dist", { recursive: true, force: true });
execFileSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit", shell: process.platform === "win32" });
for (const file of globSync("src/**/*.{json,yaml,sql}")) cpSync(file, `dist/${file}`);
cpSync("package.json", "dist/package.json");
