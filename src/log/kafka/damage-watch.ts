import type { PartitionWindow } from "../window.ts";
import type { Unreadable } from "./kafka-record.ts";

/** Examines partitions that do not move although they have records: a broker that cannot read on sends nothing, and reports nothing. */
export interface DamageWatch {
  /** Call it now and then. Never rejects. */
  look(): Promise<void>;
  /** Why a partition does not move, if one does not; for people. */
  trouble(): string | undefined;
}

export function createDamageWatch(options: {
  windows(): PartitionWindow[];
  /** Whether more is to come of it. */
  isWanted(window: PartitionWindow): boolean;
  ends(partitions: number[]): Promise<Map<number, number>>;
  /** Where the broker cannot read a partition from there on; `behind`: it can, further on. */
  damageAt(partition: number, from: number): Promise<(Unreadable & { behind: boolean }) | undefined>;
  passOver(window: PartitionWindow, unreadable: Unreadable): Promise<void>;
  onFailure(error: unknown): void;
}): DamageWatch {
  const { windows, isWanted, ends, damageAt, passOver, onFailure } = options;
  /** The position of each at the last look. */
  const stood = new WeakMap<PartitionWindow, number>();
  const troubles = new Map<PartitionWindow, string>();

  /** Behind what the broker cannot read, where something can be read there; else it may be the broker's trouble of this hour. */
  async function examine(window: PartitionWindow): Promise<void> {
    const { partition, next } = window;
    const damage = await damageAt(partition, next);
    if (window.closed || window.next !== next) return;
    troubles.delete(window);
    if (damage?.behind) void passOver(window, damage);
    else if (damage) troubles.set(window, `partition ${partition} cannot be read from ${next} on: ${damage.reason}`);
  }

  return {
    async look() {
      const held = windows();
      for (const window of troubles.keys()) if (!held.includes(window)) troubles.delete(window);
      const standing = held.filter((window) => stood.get(window) === window.next && isWanted(window));
      for (const window of held) {
        stood.set(window, window.next);
        if (!standing.includes(window)) troubles.delete(window);
      }
      if (standing.length === 0) return;
      try {
        const reached = await ends(standing.map(({ partition }) => partition));
        for (const window of standing) if (window.next < (reached.get(window.partition) ?? 0)) await examine(window);
      } catch (error) {
        onFailure(error);
      }
    },
    trouble: () => troubles.values().next().value,
  };
}
