/** Bugs that the simulation must find: each is one edit of the real source, made while it is loaded. */
export interface PlantedBug {
  name: string;
  file: string;
  find: string;
  replace: string;
  /** A second edit, where one alone is made up for by the other. */
  also?: { find: string; replace: string };
  /** The first seed that shows it, where those before take long; default 1. Once it no longer does, the next ones are tried. */
  seed?: number;
}

export const PLANTED_BUGS: PlantedBug[] = [
  {
    name: "acknowledged before it is settled",
    file: "src/delivery/pipeline/process-delivery.ts",
    find: "const isWritten = await settleClaim(",
    replace: 'if (task.kind === "message") task.taken.ack();\n  const isWritten = await settleClaim(',
  },
  {
    name: "a claim that somebody else holds counts as nothing to do",
    file: "src/delivery/pipeline/claim-delivery.ts",
    find: 'if (answer.kind !== "held") return "done";',
    replace: 'return "done";',
  },
  {
    name: "acknowledged although the claim was lost",
    file: "src/delivery/pipeline/process-delivery.ts",
    find: 'isWritten && settlement.kind !== "released"',
    replace: "true",
  },
  {
    name: "what was released is acknowledged",
    file: "src/delivery/pipeline/process-delivery.ts",
    find: 'isWritten && settlement.kind !== "released"',
    replace: "isWritten",
  },
  {
    name: "a skip is acknowledged before the ledger has it",
    file: "src/delivery/pipeline/claim-delivery.ts",
    find: "const ask = () => ledger.skip(request);\n  while (!signal.aborted) {",
    replace: "const ask = () => ledger.skip(request);\n  taken.ack();\n  while (!signal.aborted) {",
  },
  {
    name: "a due delivery's claim counts from when its turn came, behind a newer record of the call",
    seed: 16,
    file: "src/delivery/route/worker.ts",
    find: "process: (row, claimedAtMs) => processDelivery(dueTask(row, { claimedAtMs, signal }), ports),",
    replace:
      "process: (row) => order.run(`${row.source}/${row.callId}`, () => processDelivery(dueTask(row, { claimedAtMs: clock.monotonicMs(), signal }), ports)),",
  },
  {
    name: "claims are not kept alive, and nobody notices that one ran out",
    seed: 5,
    file: "src/delivery/pipeline/leases.ts",
    find: "const covers = (ms: number) => clock.monotonicMs() + ms < lease.untilMs;",
    replace: "const covers = (ms: number) => ms > 0;",
    also: { find: "void keep();", replace: "void keep;" },
  },
  {
    name: "an ambiguous message is posted again without a look",
    file: "src/delivery/pipeline/attempt.ts",
    find: "const receipt = await sender.find(delivery);",
    replace: "const receipt = undefined as Receipt | undefined;",
  },
  {
    name: "an answer that never came counts as delivered",
    file: "src/delivery/pipeline/batch-sender.ts",
    find: "if (network) return network;",
    replace: 'if (network) return { kind: "delivered", receipt: { id: "?" } };',
  },
  {
    name: "an update does not know what it updates",
    file: "src/delivery/pipeline/attempt.ts",
    find: "previous: claim.receipt,",
    replace: "previous: undefined,",
  },
  {
    name: "room for calls is not given back after an end",
    file: "src/delivery/route/message-loop.ts",
    find: "} finally {\n      room.release();",
    replace: "} finally {\n      if (offset % 2 === 0) room.release();",
  },
  {
    name: "those who wait at a circuit breaker are not called when it closes",
    seed: 12,
    file: "src/delivery/limits/circuit-breaker.ts",
    find: "line.callAll(false);",
    replace: "void line;",
  },
  {
    name: "a probe after a rate limit that attempted nothing keeps the others waiting",
    seed: 401,
    file: "src/delivery/limits/rate-limiter.ts",
    find: "giveBack: () => holds.get(key) === held && change(key, { ...held, isProbing: false })",
    replace: "giveBack: () => undefined",
  },
  {
    name: "a call whose answer did not come while the destination stands is left out",
    file: "src/delivery/pipeline/decide-settlement.ts",
    find: 'if (duplicates === "native-key" && isClosed) return RELEASED;',
    replace: 'if (duplicates === "native-key" && isClosed) return { kind: "skipped", reason: "?" };',
  },
  {
    name: "a message that went without what it waited for is not remembered",
    seed: 3,
    file: "src/delivery/pipeline/decide-settlement.ts",
    find: "...(!isFinal && { awaits })",
    replace: "...(!isFinal && { awaits: undefined })",
  },
  {
    name: "what a message went without is forgotten before it is on its route again",
    seed: 3,
    file: "src/delivery/pipeline/late-updates.ts",
    find: "await ledger.enqueue(",
    replace: "await ledger.awaitNoLonger([row]);\n        await ledger.enqueue(",
  },
  {
    name: "an older content overwrites a newer one",
    file: "src/ledger/memory/claims.ts",
    find: "return isNewer(item, row) && item.hash !== row.hash;",
    replace: "return item.hash !== row.hash;",
  },
  {
    name: "an older record takes over what was begun for a newer one",
    file: "src/ledger/memory/claims.ts",
    find: 'if (row.state === "sending") return isNewer(item, row) || isSamePlace(row, item);',
    replace: 'if (row.state === "sending") return true;',
  },
  {
    name: "a claim that somebody holds is given to the next who asks",
    file: "src/ledger/memory/claims.ts",
    find: 'if (row && isLive(row, nowMs())) return { kind: "held"',
    replace: 'if (row && isLive(row, nowMs()) && row.claimedBy === worker) return { kind: "held"',
  },
  {
    name: "a waiting delivery whose worker died is never taken up again",
    file: "src/ledger/memory/claims.ts",
    find: 'return row.state === "sending" && row.body && row.claimId !== undefined ? row.claimedUntil : undefined;',
    replace: "return undefined;",
  },
  {
    name: "an earlier version of a call that comes again takes the place of the newest",
    file: "src/ledger/memory/claims.ts",
    find: 'if (row && returns(row, item, nowMs())) return { kind: "returned"',
    replace: 'if (row && returns(row, item, nowMs()) && row.receipt === undefined) return { kind: "returned"',
  },
  {
    name: "what is newer is told by offsets alone, also where partitions were added",
    file: "src/ledger/record-order.ts",
    find: "(one.partition === other.partition && one.offset > other.offset) || one.acceptedAt > other.acceptedAt",
    replace: "one.offset > other.offset",
  },
  {
    name: "a ledger goes on with a log that was lost and made again",
    file: "src/delivery/process/log-binding.ts",
    find: "const mismatch = await logMismatch({ log, ledger });\n    if (mismatch === undefined) return;",
    replace: "const mismatch = undefined as string | undefined;\n    if (mismatch === undefined) return;",
    also: { find: "if (bound !== undefined && bound !== identity && !earlier.includes(bound))", replace: "if (bound === undefined)" },
  },
];
