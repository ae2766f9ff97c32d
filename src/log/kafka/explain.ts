import { addressOf, findErrorCode, reasonOf } from "./errors.ts";
import { CLIENT_CERTIFICATE, type Deed, type Known, LATE, LOGS, NO_TLS, SENTENCE_OF, type Sentence } from "./sentences.ts";
import type { KafkaSettings } from "./settings.ts";

export interface Explained {
  message: string;
  /** The next step. */
  hint: string;
}

/** Never quotes a password, nor anything of a call. */
export type Explain = (error: unknown, deed?: Deed) => Explained;

export function createExplain(settings: KafkaSettings): Explain {
  const address = settings.brokers.join(",");
  return (error, deed = {}) => {
    const detail = reasonOf(error);
    const known: Known = { ...deed, settings, detail };
    const { name, sentence } = sentenceOf(error, detail);
    const [says, step] = sentence ?? [() => `cannot be asked: ${detail}`, () => LOGS];
    const elsewhere = addressOf(error);
    // The first answer came; then the brokers' own names for themselves lead nowhere: the commonest mistake of all.
    const who =
      elsewhere === undefined || settings.brokers.includes(elsewhere)
        ? `Kafka at ${address}`
        : `Kafka at ${address} names a broker ${elsewhere} (its advertised.listeners), which`;
    const code = name === undefined || name.startsWith("KafkaJS") || name === "TimeoutError" ? "" : ` (${name})`;
    return { message: `${who} ${says(known)}${code}`, hint: step(known) };
  };
}

/** The innermost error that the table knows: kafkajs wraps it up to four times. */
function sentenceOf(error: unknown, detail: string): { name?: string; sentence?: Sentence } {
  // Node gives a reset connection the same code, before TLS has begun and after.
  if (detail.includes("before secure TLS connection")) return { name: "ECONNRESET", sentence: NO_TLS };
  const alert = findErrorCode(error, (name) => /^ERR_SSL_.*ALERT_.*(CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)/.test(name));
  if (alert !== undefined) return { name: alert, sentence: CLIENT_CERTIFICATE };
  const name = findErrorCode(error, (one) => SENTENCE_OF.has(one));
  if (name !== undefined) return { name, sentence: SENTENCE_OF.get(name) as Sentence };
  return /timeout|timed out/i.test(detail) ? { sentence: LATE } : {};
}
