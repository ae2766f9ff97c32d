import type { Groups, Owner } from "./groups.ts";
import type { Member } from "./member.ts";

const BEAT_MS = 200;
/** An owner that has not renewed for so long has died, and another member may take over. */
export const LEASE_MS = 10_000;
const RENEW_EVERY_MS = LEASE_MS / 4;

/** Keeps the positions and leases of all members of this process: one transaction a beat, and none while nothing moves. */
export function createLeaseRenewer({ groups, members }: { groups: Groups; members: ReadonlySet<Member> }): { stop(): void } {
  const committed = new WeakMap<Member, number>();
  let renewedAtMs = 0;

  function keep(): void {
    const renew = performance.now() - renewedAtMs > RENEW_EVERY_MS;
    const due: { member: Member; hold: Owner & { commitOffset: number } }[] = [];
    for (const member of members) {
      const hold = member.hold();
      if (hold && (renew || committed.get(member) !== hold.commitOffset)) due.push({ member, hold });
    }
    if (due.length > 0) {
      const kept = groups.keep(due.map(({ hold }) => hold));
      for (const [index, { member, hold }] of due.entries()) {
        if (kept[index]) committed.set(member, hold.commitOffset);
        else member.lose();
      }
    }
    if (renew) renewedAtMs = performance.now();
  }

  const timer = setInterval(() => {
    try {
      keep();
      for (const member of members) {
        if (!member.hold()) member.tryToHold();
        member.alive();
        member.wake();
      }
    } catch {
      // A full disk or a lock: positions and leases stay as they were, and the next beat tries again.
    }
  }, BEAT_MS);

  return { stop: () => clearInterval(timer) };
}
