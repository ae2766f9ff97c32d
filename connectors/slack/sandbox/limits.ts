/** Token buckets by name. Answers 0, or the whole seconds until the next token. */
export function createBuckets(): (name: string, limit: { burst: number; perSecond: number }) => number {
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  return (name, { burst, perSecond }) => {
    const nowMs = performance.now();
    const bucket = buckets.get(name) ?? { tokens: burst, atMs: nowMs };
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond);
    bucket.atMs = nowMs;
    buckets.set(name, bucket);
    if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / perSecond);
    bucket.tokens -= 1;
    return 0;
  };
}
