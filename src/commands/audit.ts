import { logMismatch } from "../delivery/process/log-binding.ts";
import type { ExitCode } from "../errors.ts";
import { printable } from "../lib/text/printable.ts";
import { formatTable } from "../lib/text/table.ts";
import { asTyped, typed } from "../lib/text/typed-command.ts";
import { auditRoute, isWhole, openLoss, type RouteAudit } from "../operations/audit.ts";
import { verifyActions } from "../operations/verify-actions.ts";
import { describeActionsReport } from "./actions.ts";
import { type CommonOptions, createContext } from "./context.ts";
import { lookedRoutes, problemField } from "./looked-routes.ts";
import { createProgress } from "./progress.ts";
import { pointInTime, routeNamed } from "./prompt.ts";

const SHOWN_GAPS = 20;

/** `patchbay audit [--since] [--route]`: re-reads the log and compares it with the ledger. Exit code 1 on any gap. */
export async function auditCommand(options: CommonOptions & { since?: string; route?: string }): Promise<ExitCode> {
  const since = options.since === undefined ? undefined : pointInTime("--since", options.since, Date.now());
  const context = createContext({ ...options, access: "look" });
  const progress = createProgress({ enabled: !options.json });
  try {
    const looked = await lookedRoutes(context);
    const { routes, path } = looked.routes;
    const [log, ledger] = [await context.log(), await context.ledger()];
    const asked = options.route === undefined ? routes.filter(({ enabled }) => enabled) : [routeNamed(options.route, { routes, path })];
    const audits: RouteAudit[] = [];
    for (const route of asked) {
      const onProgress = (records: number) => progress.show(`${route.id}: ${records} records read`);
      audits.push(await auditRoute({ route, log, ledger, since, onProgress }));
    }
    progress.clear();
    const mismatch = await logMismatch({ log, ledger });
    const actions = await verifyActions({ ledger });
    const whole = mismatch === undefined && actions.faults.length === 0 && audits.every(isWhole);
    const report = { whole, ...(mismatch !== undefined && { mismatch }), ...problemField(looked), routes: audits, actions };
    if (options.json) console.log(JSON.stringify(report));
    else {
      const faults = actions.faults.length > 0 ? [describeActionsReport(actions)] : [];
      const note = looked.note === undefined ? [] : [`${looked.note}\n`];
      console.log([...note, formatAudits(audits, whole, mismatch), ...faults].join("\n"));
    }
    return whole ? 0 : 1;
  } finally {
    progress.clear();
    await context.close();
  }
}

function formatAudits(audits: RouteAudit[], whole: boolean, mismatch: string | undefined): string {
  const number = (title: string, cell: (audit: RouteAudit) => number) => ({
    title,
    cell: (audit: RouteAudit) => String(cell(audit)),
    align: "right" as const,
  });
  /** On a narrow terminal only where there are any. */
  const rare = (title: string, cell: (audit: RouteAudit) => number) => ({
    ...number(title, cell),
    narrow: audits.some((audit) => cell(audit) > 0) ? ("below" as const) : 1,
  });
  const table = formatTable<RouteAudit>({
    rows: audits,
    columns: [
      { title: "ROUTE", cell: ({ route }) => route },
      number("RECORDS", (audit) => audit.records),
      number("DELIVERED", (audit) => audit.delivered),
      number("SKIPPED", (audit) => audit.skipped),
      rare("DEAD", (audit) => audit.dead),
      rare("WAITING", (audit) => audit.waiting),
      rare("SUPERSEDED", (audit) => audit.superseded),
      rare("REPEATED", (audit) => audit.repeated),
      rare("RETURNED", (audit) => audit.returned),
      rare("UNREAD", (audit) => audit.unread),
      number("GAPS", (audit) => audit.gaps),
      rare("TAKEN BY RETENTION", (audit) => audit.lostToRetention),
      rare("UNREADABLE", (audit) => audit.unreadable),
      rare("LOSS ACCEPTED", (audit) => audit.lossAccepted),
    ],
  });
  const gaps = audits.flatMap((audit) =>
    audit.examples.map((gap) => printable(`  ${audit.route}  ${gap.callId} (${gap.source}, offset ${gap.offset}): ${gap.why}`)),
  );
  const list =
    gaps.length === 0
      ? ""
      : `\n\nGaps:\n${gaps.slice(0, SHOWN_GAPS).join("\n")}${gaps.length > SHOWN_GAPS ? `\n  … and ${gaps.length - SHOWN_GAPS} more (--json)` : ""}`;
  const lost = audits.filter((audit) => openLoss(audit) > 0).map(({ route }) => route);
  const losses =
    lost.length === 0
      ? ""
      : typed`\n\nCalls are lost to ${lost.join(", ")}: patchbay lag says which. Once you know of them: patchbay accept-loss ${lost.length === 1 ? lost[0] : "<route>"} --reason "…"`;
  const end = whole ? "Whole: every record came to an end, waits, or is still to be read." : "NOT whole.";
  return `${table}${list}${losses}\n\n${mismatch === undefined ? end : `NOT whole: ${asTyped(mismatch)}.`}`;
}
