import type { Delivery, Receipt, Related } from "../../src/connector/index.ts";
import type { Posted } from "./post.ts";

/**
 * The link is the one that "Copy link" gives; asking chat.getPermalink for it would cost a request per call. In a thread it needs the parent.
 * What an edit must not take away stands in `extra` and `person`: the mention, the record that `after` brought.
 */
export function receiptOf(options: {
  posted: Posted;
  workspaceUrl: string | undefined;
  ownerId?: string | undefined;
  /** Why nobody is mentioned. */
  unmentioned?: string | undefined;
  related?: Related | undefined;
}): Receipt {
  const { posted, workspaceUrl, ownerId, unmentioned, related } = options;
  const { channel, ts, thread, summed, unthreaded } = posted;
  const inThread = thread === undefined ? "" : `?thread_ts=${thread}&cid=${channel}`;
  const extra = {
    channel,
    thread,
    summed: summed ? "true" : undefined,
    mention: summed ? undefined : ownerId,
    unmentioned: summed ? undefined : unmentioned,
    unthreaded,
    record: summed ? undefined : related?.url,
    record_title: summed ? undefined : related?.title,
  };
  return {
    id: ts,
    ...(workspaceUrl ? { url: `${workspaceUrl}archives/${channel}/p${ts.replace(".", "")}${inThread}` } : {}),
    ...(related?.person && !summed ? { person: related.person } : {}),
    extra: Object.fromEntries(Object.entries(extra).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
  };
}

/** What `after` has brought, now or for an earlier version of the call: a name that stood in the message stays in it. */
export function relatedOf({ related, previous }: Delivery<unknown>): Related | undefined {
  const before = previous && { title: previous.extra?.record_title ?? "", url: previous.extra?.record, person: previous.person };
  if (!before?.title) return related;
  return related ? { ...related, url: related.url ?? before.url, person: related.person ?? before.person } : before;
}
