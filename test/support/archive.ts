import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import S3rver from "s3rver";
import { onTestFinished } from "vitest";
import type { z } from "zod";
import { archive } from "../../connectors/archive/index.ts";
import type { Delivery, OpenDestination, Outcome, Receipt } from "../../src/connector/index.ts";
import { deliveryOf } from "./documented-call.ts";
import { type StrictS3, startStrictS3 } from "./strict-s3.ts";

export type ArchiveSettings = z.input<typeof archive.settings>;

export const BUCKET = "calls-of-acme";
/** s3rver has one key, and does not check what is signed with it. */
export const CREDENTIALS = { access_key_id: "S3RVER", secret_access_key: "S3RVER" };

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-test-archive-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function startS3rver(): Promise<ArchiveSettings> {
  const server = new S3rver({ address: "127.0.0.1", port: 0, silent: true, directory: newFolder(), configureBuckets: [{ name: BUCKET }] });
  const { port } = await server.run();
  onTestFinished(() => server.close());
  return { url: `s3://${BUCKET}/acme/voice`, endpoint: `http://127.0.0.1:${port}`, ...CREDENTIALS };
}

export async function startStrict(): Promise<{ s3: StrictS3; settings: ArchiveSettings }> {
  const s3 = await startStrictS3({ bucket: BUCKET, accessKeyId: "AKIDEXAMPLE", secretAccessKey: "example-secret" });
  onTestFinished(() => s3.close());
  const key = { access_key_id: "AKIDEXAMPLE", secret_access_key: "example-secret" };
  return { s3, settings: { url: `s3://${BUCKET}/acme/voice`, endpoint: s3.endpoint, ...key } };
}

type ArchiveDelivery = Delivery<z.output<typeof archive.with>>;

export function deliver(options: Partial<Parameters<typeof deliveryOf>[0]> & { with?: ArchiveDelivery["with"] } = {}): ArchiveDelivery {
  return deliveryOf({ with: {}, ...options });
}

export interface OpenedArchive {
  destination: OpenDestination<z.output<typeof archive.with>>;
  send(delivery?: ArchiveDelivery): Promise<Outcome>;
  /** @throws when it is not delivered. */
  receipt(delivery?: ArchiveDelivery): Promise<Receipt>;
  /** What is stored, read back by the connector itself. */
  read(receipt: Receipt): Promise<Record<string, unknown> | undefined>;
  erase(receipt: Receipt): Promise<boolean | undefined>;
}

export async function openTestArchive(settings: ArchiveSettings, options: { timeoutMs?: number } = {}): Promise<OpenedArchive> {
  const { timeoutMs = 5_000 } = options;
  const destination = await archive.open({ settings: archive.settings.parse(settings), timezone: "UTC", timeoutMs });
  onTestFinished(() => destination.close());
  // A machine that is busy with other tests is no slow destination.
  const inTime = () => ({ signal: AbortSignal.timeout(20_000) });
  const send = async (delivery = deliver()) => {
    const [outcome] = await destination.send([delivery], inTime());
    if (!outcome) throw new Error("no outcome");
    return outcome;
  };
  const key = deliver().key;
  return {
    destination,
    send,
    async receipt(delivery) {
      const outcome = await send(delivery);
      if (outcome.kind !== "delivered") throw new Error(`not delivered: ${JSON.stringify(outcome)}`);
      return outcome.receipt;
    },
    read: async (receipt) => destination.read?.({ key, receipt }, inTime()),
    erase: async (receipt) => destination.erase?.({ key, receipt }, inTime()),
  };
}
