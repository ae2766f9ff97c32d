/** Moto's stand-in of S3, which nobody here wrote: buckets with versions, locks and storage classes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { CreateBucketCommand, PutObjectLockConfigurationCommand, S3Client } from "@aws-sdk/client-s3";
import { onTestFinished } from "vitest";
import type { ArchiveSettings } from "../../support/archive.ts";
import { freePorts } from "../../support/ports.ts";
import { pythonEnv } from "./python.ts";

const CREDENTIALS = { accessKeyId: "test", secretAccessKey: "test" };

/** Starts it on a free port; it ends with the test. */
export async function startMoto(folder: string): Promise<{ endpoint: string; client: S3Client }> {
  const [port] = await freePorts(1);
  const moto = spawn("python3", ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], {
    env: pythonEnv(folder),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(moto, "close");
  onTestFinished(async () => {
    moto.kill();
    await ended;
  });
  const lines = createInterface({ input: moto.stderr });
  await Promise.race([
    new Promise<void>((resolve) => lines.on("line", (line) => line.includes("Running on") && resolve())),
    ended.then(() => Promise.reject(new Error("moto ended before it listened"))),
  ]);
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new S3Client({ endpoint, region: "us-east-1", credentials: CREDENTIALS, forcePathStyle: true });
  onTestFinished(() => client.destroy());
  return { endpoint, client };
}

/** A bucket of that name, and an archive's settings that lead into it. `locked`: with Object Lock and a default retention of a day. */
export async function makeBucket(options: {
  endpoint: string;
  client: S3Client;
  name: string;
  locked?: boolean;
}): Promise<ArchiveSettings> {
  const { endpoint, client, name, locked = false } = options;
  await client.send(new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: locked }));
  if (locked) {
    const DefaultRetention = { Mode: "GOVERNANCE" as const, Days: 1 };
    const ObjectLockConfiguration = { ObjectLockEnabled: "Enabled" as const, Rule: { DefaultRetention } };
    await client.send(new PutObjectLockConfigurationCommand({ Bucket: name, ObjectLockConfiguration }));
  }
  return { url: `s3://${name}/calls`, endpoint, access_key_id: CREDENTIALS.accessKeyId, secret_access_key: CREDENTIALS.secretAccessKey };
}
