import { type Delivery, defineExtra, mark, type Receipt, type Related, z } from "../../src/connector/index.ts";
import type { Posted } from "./post.ts";

/** What an edit must not take away: the mention, the record that `after` brought; and where the message is. */
export const extra = defineExtra({
  channel: z.string(),
  /** `ts` of the message that it is a reply to. */
  thread: z.string(),
  /** The call is counted in a line of the hourly digest. */
  summed: mark(),
  /** Id of the Slack user who is mentioned. */
  mention: z.string(),
  /** Why nobody is mentioned: a code. */
  unmentioned: z.string(),
  /** Why the message is in no thread: a code. */
  unthreaded: z.string(),
  /** Address and title of the related record. */
  record: z.string(),
  record_title: z.string(),
});

/** The link is the one that "Copy link" gives; chat.getPermalink would cost a request per call. In a thread it needs the parent. */
export function receiptOf(options: {
  posted: Posted;
  workspaceUrl: string | undefined;
  ownerId?: string | undefined;
  unmentioned?: string | undefined;
  related?: Related | undefined;
}): Receipt {
  const { posted, workspaceUrl, ownerId, unmentioned, related } = options;
  const { channel, ts, thread, inDigest, unthreaded } = posted;
  const inThread = thread === undefined ? "" : `?thread_ts=${thread}&cid=${channel}`;
  // A line of the digest says nothing else of the call.
  const ofMessage = inDigest
    ? { summed: true as const }
    : { mention: ownerId, unmentioned, record: related?.url, record_title: related?.title };
  return {
    id: ts,
    ...(workspaceUrl ? { url: `${workspaceUrl}archives/${channel}/p${ts.replace(".", "")}${inThread}` } : {}),
    ...(related?.person && !inDigest ? { person: related.person } : {}),
    ...extra.write({ channel, thread, unthreaded, ...ofMessage }),
  };
}

/** What `after` has brought, now or for an earlier version of the call: a name that was in the message stays in it. */
export function relatedOf({ related, previous }: Delivery<unknown>): Related | undefined {
  const { record, record_title: title } = extra.read(previous);
  if (!title) return related;
  const before = { title, url: record, person: previous?.person };
  return related ? { ...related, url: related.url ?? before.url, person: related.person ?? before.person } : before;
}
