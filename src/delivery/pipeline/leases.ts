import type { Claim, Ledger } from "../../ledger/ledger.ts";
import type { Clock } from "../../lib/time/clock.ts";

/** A claim of this process, renewed until its scope ends. */
export interface Lease extends Disposable {
  /** Whether the claim is ours for at least so long from now; nothing may be sent under one that is not. */
  covers(ms: number): boolean;
  /** Asks for more time if it does not cover so much; `false` when it is refused. Never rejects. */
  ensure(ms: number): Promise<boolean>;
}

export interface Leases {
  hold(options: { claim: Claim; claimedAtMs: number }): Lease;
}

interface Held {
  claim: Claim;
  untilMs: number;
}

/**
 * Renews all claims of a process, also of deliveries that wait for a slot or a rate limit, in one statement each third of a lease, until the
 * signal is aborted. A claim ends only with its scope, with the process, or when the ledger is away for longer than a lease.
 */
export function createLeases(options: { ledger: Pick<Ledger, "renew">; leaseMs: number; clock: Clock; signal: AbortSignal }): Leases {
  const { ledger, leaseMs, clock, signal } = options;
  const held = new Set<Held>();

  async function renew(leases: Held[]): Promise<void> {
    const askedAtMs = clock.monotonicMs();
    const claims = leases.map(({ claim }) => ({ key: claim, claimId: claim.claimId }));
    const ours = await ledger.renew({ leaseMs, claims });
    for (const [index, lease] of leases.entries()) lease.untilMs = ours[index] ? askedAtMs + leaseMs : Number.NEGATIVE_INFINITY;
  }

  async function keep(): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(leaseMs / 3, signal);
      const soon = clock.monotonicMs() + (leaseMs * 2) / 3;
      const old = [...held].filter(({ untilMs }) => untilMs < soon && untilMs !== Number.NEGATIVE_INFINITY);
      // While the ledger is away claims run out; the routes report that it is away.
      if (old.length > 0) await renew(old).catch(() => undefined);
    }
  }
  void keep();

  return {
    hold({ claim, claimedAtMs }) {
      const lease: Held = { claim, untilMs: claimedAtMs + leaseMs };
      held.add(lease);
      const covers = (ms: number) => clock.monotonicMs() + ms < lease.untilMs;
      return {
        covers,
        async ensure(ms) {
          if (!covers(ms)) await renew([lease]).catch(() => undefined);
          return covers(ms);
        },
        [Symbol.dispose]: () => void held.delete(lease),
      };
    },
  };
}
