/** How a call travels in the log: the raw bytes, and what the ingress knew beside them in the headers. */

const FORMAT_VERSION = "1";

export interface Envelope {
  source: string;
  /** Unix ms. */
  acceptedAt: number;
  requestId: string;
  /** W3C trace context. */
  traceparent?: string;
  /** As VoiceInfra sent and the ingress verified it: with the secret it can be proved later where the body came from. Absent when it came unsigned. */
  signature?: string | undefined;
}

/** Records of one call have one key, so they share a partition and keep their order. */
export function recordKey(source: string, callId: string): string {
  return `${source}/${callId}`;
}

export function toHeaders(envelope: Envelope): Record<string, string> {
  const { source, acceptedAt, requestId, traceparent, signature } = envelope;
  const headers: Record<string, string> = { source, accepted_at: String(acceptedAt), request_id: requestId, format: FORMAT_VERSION };
  if (traceparent !== undefined) headers.traceparent = traceparent;
  if (signature !== undefined) headers.signature = signature;
  return headers;
}

/** Total: headers that a foreign producer left out are taken from the key and from when the log took the record, or are empty. */
export function fromMessage(message: { key: string; headers: Record<string, string>; appendedAt?: number }): Envelope {
  const { key, headers, appendedAt = 0 } = message;
  const acceptedAt = Number(headers.accepted_at ?? Number.NaN);
  return {
    source: headers.source ?? key.split("/", 1)[0] ?? "",
    acceptedAt: Number.isFinite(acceptedAt) ? acceptedAt : appendedAt,
    requestId: headers.request_id ?? "",
    traceparent: headers.traceparent,
    signature: headers.signature,
  };
}
