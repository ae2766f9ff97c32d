import { CopyObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { describe, expect, test } from "vitest";
import { deliver, openTestArchive } from "../support/archive.ts";
import { documentedCall } from "../support/documented-call.ts";
import { makeBucket, startMoto } from "./support/moto.ts";
import { ODD_CALLS } from "./support/odd-calls.ts";
import { outside } from "./support/outside.ts";

const { folder, skipped, note } = outside("python");

describe(`the archive in moto's S3${note}`, () => {
  test.skipIf(skipped)("keeps every odd call and gives it back", async () => {
    const s3 = await startMoto(folder);
    const archive = await openTestArchive(await makeBucket({ ...s3, name: "plain" }));
    for (const [what, call] of Object.entries(ODD_CALLS)) {
      const delivery = deliver({ call, key: `voiceinfra/${call.call_id}` });
      const receipt = await archive.receipt(delivery);
      const { summary } = ((await archive.destination.read?.({ key: delivery.key, receipt }, { signal: AbortSignal.timeout(20_000) })) ??
        {}) as {
        summary?: string;
      };
      expect({ what, summary }).toEqual({ what, summary: call.summary });
    }
  });

  test.skipIf(skipped)("a bucket with Object Lock and a default retention takes calls and their later versions", async () => {
    const s3 = await startMoto(folder);
    const archive = await openTestArchive(await makeBucket({ ...s3, name: "locked", locked: true }));
    const receipt = await archive.receipt();
    const later = deliver({ call: documentedCall({ summary: "A later summary" }), previous: receipt });
    expect(await archive.read(await archive.receipt(later))).toMatchObject({ summary: "A later summary" });
  });

  test.skipIf(skipped)("a call that a lifecycle rule moved to Glacier concerns that call alone: the next one is kept", async () => {
    const s3 = await startMoto(folder);
    const archive = await openTestArchive(await makeBucket({ ...s3, name: "frozen" }));
    const receipt = await archive.receipt();
    const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket: "frozen" }));
    for (const { Key = "" } of Contents)
      await s3.client.send(
        new CopyObjectCommand({ Bucket: "frozen", Key, CopySource: `frozen/${encodeURIComponent(Key)}`, StorageClass: "GLACIER" }),
      );
    const outcome = await archive.send(deliver({ call: documentedCall({ summary: "A later summary" }), previous: receipt }));
    expect(["rejected", "delivered"]).toContain(outcome.kind);
    expect((await archive.send(deliver({ call: documentedCall({ call_id: "another" }), key: "voiceinfra/another" }))).kind).toBe(
      "delivered",
    );
  });
});
