import { globSync, readFileSync } from "node:fs";

export const ROOT = new URL("../../", import.meta.url);

/** What users read. Decisions and the list of changes speak of the past. */
export const PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...globSync("docs/**/*.md", { cwd: ROOT.pathname })].filter(
  (page) => !page.startsWith("docs/decisions/"),
);

export interface Block {
  page: string;
  /** Of its first line of text. */
  line: number;
  /** `sh`, `yaml` …; "" where the page says none. */
  language: string;
  /** Without the indentation of the list in which it stands. */
  text: string;
}

export const readPage = (page: string) => readFileSync(new URL(page, ROOT), "utf8");

/** The code blocks of all pages, in order. */
export function codeBlocks(): Block[] {
  return PAGES.flatMap((page) =>
    [...readPage(page).matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```$/gm)].map(
      ({ index, 1: indentation = "", 2: language = "", 3: text = "" }) => ({
        page,
        line: readPage(page).slice(0, index).split("\n").length + 1,
        language,
        text: text.replaceAll(new RegExp(`^${indentation}`, "gm"), ""),
      }),
    ),
  );
}

/** Code inside of sentences and tables, outside of code blocks. */
export function inlineCode(): { page: string; text: string }[] {
  return PAGES.flatMap((page) => {
    const prose = readPage(page).replaceAll(/^( *)```[\s\S]*?^\1```$/gm, "");
    return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, text = ""]) => ({ page, text: text.replaceAll("\\|", "|") }));
  });
}
