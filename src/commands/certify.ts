import { styleText } from "node:util";
import { certify } from "../certify/certify.ts";
import { loadConnectorUnderTest } from "../certify/connector-under-test.ts";
import { type CaseResult, type CertificationReport, KINDS, type Score, scoreOf } from "../certify/report.ts";
import { type ExitCode, UsageError } from "../errors.ts";
import { type Column, formatTable } from "../lib/text/table.ts";
import { bar, createProgress } from "./progress.ts";

export interface CertifyCommandOptions {
  only?: string[];
  kill: boolean;
  json?: boolean;
}

const PROTECTION = {
  "native-key": "a native key protects from a second record",
  find: "what may have been sent is looked for before it is sent again",
  none: "what may have been sent becomes a dead letter",
};

/** `patchbay certify <connector>`: exit code 0 nothing to find fault with, 1 at least one. @throws {UsageError} no such connector or case. */
export async function certifyCommand(named: string, options: CertifyCommandOptions): Promise<ExitCode> {
  const { only, kill, json } = options;
  const subject = await loadConnectorUnderTest({ named, cwd: process.cwd() });
  const progress = createProgress({ enabled: !json });
  const certificate = await certify({
    subject,
    kills: kill,
    only,
    onProgress: ({ done, of, name }) => progress.show(`${bar(done, of)}  ${name}`),
  });
  progress.clear();
  if (certificate.cases.length === 0) {
    throw new UsageError(`there is no case with ${(only ?? []).join(", ")} in its name`, {
      hint: "Without --only every case's name is shown.",
    });
  }
  if (json) console.log(JSON.stringify(asJson(certificate), null, 2));
  else console.log(certificateText(certificate));
  return certificate.passed ? 0 : 1;
}

/** With each case's score beside its problems. */
function asJson(certificate: CertificationReport) {
  return { ...certificate, cases: certificate.cases.map((one) => ({ ...one, score: scoreOf(one.problems) })) };
}

/** A table of the cases that were tried, then each problem, then what was not offered. */
export function certificateText({ title, duplicates, cases, total, passed }: CertificationReport): string {
  const stream = process.stdout;
  const tried = cases.filter(({ notOffered }) => notOffered === undefined);
  const rows = [
    ...tried.map((one) => ({ name: one.name, runs: one.runs, score: scoreOf(one.problems) })),
    { name: "total", runs: tried.reduce((sum, { runs }) => sum + runs, 0), score: total },
  ];
  const columns: Column<(typeof rows)[number]>[] = [
    { title: "case", cell: ({ name }) => name },
    { title: "runs", cell: ({ runs }) => String(runs), align: "right" },
    ...KINDS.map((kind): Column<{ score: Score }> => ({ title: kind, cell: ({ score }) => String(score[kind]), align: "right" })),
  ];
  const sections = [
    `${title}: ${PROTECTION[duplicates]}`,
    formatTable({ columns, rows, stream }),
    tried.flatMap(linesOfProblems).join("\n"),
    notes(cases).join("\n"),
    passed
      ? styleText("green", `${title} passes: nothing lost, doubled or misnamed.`, { stream })
      : styleText("red", `${title} does not pass.`, { stream }),
  ];
  return sections.filter((section) => section !== "").join("\n\n");
}

/** Under the case's name, the same sentence once, with how often. */
function linesOfProblems({ name, problems }: CaseResult): string[] {
  const times = Map.groupBy(problems, ({ kind, text }) => `${kind}: ${text}`);
  const lines = [...times].map(([text, same]) => `  ${text}${same.length > 1 ? ` (${same.length} times)` : ""}`);
  return lines.length === 0 ? [] : [name, ...lines];
}

function notes(cases: CaseResult[]): string[] {
  const said = cases.flatMap(({ name, note }) => (note === undefined ? [] : [`${name}: ${note}`]));
  const absent = Map.groupBy(
    cases.filter(({ notOffered }) => notOffered !== undefined),
    ({ notOffered }) => notOffered ?? "",
  );
  return [...said, ...[...absent].map(([reason, some]) => `not offered (${reason}): ${some.map(({ name }) => name).join(", ")}`)];
}
