import { createHash, createHmac } from "node:crypto";
import type { MessageMetadata } from "@slack/web-api";
import { customerOf, type Delivery, type Secret, truncate } from "../../src/connector/index.ts";
import type { SlackWith } from "./mapping.ts";

/** `event_type` of a call's message, by which we know our own messages again. */
export const CALL_EVENT = "voice_call_summary";
/** `event_type` of the line that counts what was too much for the channel. */
export const LINE_EVENT = "voice_call_count";

/** One-way, and of this app alone: everybody in the channel may read metadata, and a phone number is soon guessed from a plain hash. */
export type Hash = (text: string) => string;

/** HMAC-SHA-256 with the bot token as key, shortened to 96 bits. A new token begins new threads. */
export function hashWith(token: Secret): Hash {
  return (text) => createHmac("sha256", token.reveal()).update(text).digest("base64url").slice(0, 16);
}

/** By which messages of one customer are known; undefined where the route does not thread, or nobody knows the number. */
export function customerHashOf({ call, with: { thread_by } }: Delivery<SlackWith>, hash: Hash): string | undefined {
  const customer = customerOf(call);
  return thread_by !== undefined && "number" in customer ? hash(`customer ${customer.number}`) : undefined;
}

/** By which the hourly digest knows a call again. */
export function callHashOf({ key }: Delivery<SlackWith>, hash: Hash): string {
  return hash(`call ${key}`).slice(0, 8);
}

/** How much metadata Slack takes is not documented (`metadata_too_large`). A call_id may have 512 characters, and the key has it too. */
const KEY_LENGTH = 200;

/** By which a message is found again: the delivery's key, or what stands for a long one. */
export function shortKeyOf(key: string): string {
  return key.length <= KEY_LENGTH ? key : `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

export function metadataOf({ key, call }: Delivery<SlackWith>, customer: string | undefined): MessageMetadata {
  const payload = { call_id: truncate(call.call_id, KEY_LENGTH), source: truncate(call.source, KEY_LENGTH), key: shortKeyOf(key) };
  return { event_type: CALL_EVENT, event_payload: customer === undefined ? payload : { ...payload, customer } };
}
