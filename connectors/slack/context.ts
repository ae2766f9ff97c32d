import type { WebClient } from "@slack/web-api";
import type { ChannelCache } from "./channel-cache.ts";
import type { HourlyDigest } from "./hourly-digest.ts";
import type { Mentions } from "./mentions.ts";
import type { Hash } from "./metadata.ts";
import type { Threads } from "./threads.ts";

/** What an open destination has for all its messages. */
export interface SlackContext {
  client: WebClient;
  channels: ChannelCache;
  mentions: Mentions;
  threads: Threads;
  digest: HourlyDigest;
  hash: Hash;
  timezone: string;
  workspaceUrl: string | undefined;
  /** What one look-up may take of the attempt's time. */
  maxWaitMs: number;
}
