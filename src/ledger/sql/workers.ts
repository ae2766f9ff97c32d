import type { WorkerHeartbeat, WorkerLedger } from "../workers.ts";
import type { Sql } from "./sql.ts";

export function workerQueries({ all, nowMs }: Sql): WorkerLedger {
  return {
    async heartbeat(state) {
      await all(
        `INSERT INTO workers (worker, beat_at, state) VALUES ($1, ${nowMs}, $2)
         ON CONFLICT (worker) DO UPDATE SET beat_at = excluded.beat_at, state = excluded.state`,
        [state.worker, JSON.stringify(state)],
      );
    },
    goodbye: async (worker) => void (await all("DELETE FROM workers WHERE worker = $1", [worker])),
    async workers() {
      const rows = await all(`SELECT state, ${nowMs} - beat_at AS age_ms FROM workers ORDER BY worker`);
      return rows.map(({ state, age_ms }) => ({
        ...(JSON.parse(String(state)) as WorkerHeartbeat),
        ageMs: Math.max(0, Number(age_ms)),
      }));
    },
  };
}
