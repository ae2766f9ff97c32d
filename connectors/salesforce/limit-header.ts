/** API requests of the last 24 hours, of all the org's integrations together. */
export interface Usage {
  used: number;
  limit: number;
}

/** `Sforce-Limit-Info: api-usage=10018/100000`, which may name other limits too (REST API Developer Guide, "Limit Info Header"). */
export function readUsage(header: string | null): Usage | undefined {
  const [, used, limit] = /(?:^|[\s;,])api-usage=(\d+)\/(\d+)/.exec(header ?? "") ?? [];
  return Number(limit) > 0 ? { used: Number(used), limit: Number(limit) } : undefined;
}
