import { randomBytes } from "node:crypto";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { readBatches } from "../../src/log/kafka/batches.ts";
import { crc32c } from "../../src/log/kafka/crc32c.ts";
import { decompress } from "../../src/log/kafka/decompress.ts";
import { type EncodableRecord, encodeRecord } from "../../src/log/kafka/record.ts";

const MAX_BYTES = 33_554_432;

/** What Kafka's own Java client (4.3.1) makes of this text. */
const TEXT = "Call 17 ended. Call 17 ended. Call 17 ended. Grüße! ".repeat(3);
const FROM_JAVA: [string, number, string][] = [
  ["gzip", 1, "H4sIAAAAAAAA/3NOzMlRMDRXSM1LSU3RU3DGy3UvOrzn8PxURQLKqKsLACQ06oCiAAAA"],
  ["snappy", 2, "glNOQVBQWQAAAAABAAAAAQAAACeiAThDYWxsIDE3IGVuZGVkLiB2DwAcR3LDvMOfZSF6JwA6RQD6NgA="],
  ["lz4", 3, "BCJNGGBAgi0AAAD/AENhbGwgMTcgZW5kZWQuIA8AC49HcsO8w59lIScADAtFAA82ACdQw59lISAAAAAA"],
  ["zstd", 4, "KLUv/QBYLAEAuENhbGwgMTcgZW5kZWQuIEdyw7zDn2UhBADMSgLQAaUaTsRZBwEAAAA="],
];

/** Of `"Call 17 ended. ".repeat(12)`, by programs in C: what others write. */
const FROM_OTHERS: [string, number, string][] = [
  ["snappy without a frame", 2, "tAE4Q2FsbCAxNyBlbmRlZC4g/g8A/g8Akg8A"],
  ["lz4 with linked blocks, checksums and its size", 3, "BCJNGHxAtAAAAAAAAACgGgAAAP8AQ2FsbCAxNyBlbmRlZC4gDwCNUGRlZC4gfIJeEwAAAAAAJVFh"],
];

test.each(FROM_JAVA)("%s of a Java client is unpacked", async (_, codec, packed) => {
  const unpacked = await decompress({ codec, packed: Buffer.from(packed, "base64"), maxBytes: MAX_BYTES });
  expect(unpacked.toString()).toBe(TEXT);
});

test.each(FROM_OTHERS)("%s is unpacked", async (_, codec, packed) => {
  const unpacked = await decompress({ codec, packed: Buffer.from(packed, "base64"), maxBytes: MAX_BYTES });
  expect(unpacked.toString()).toBe("Call 17 ended. ".repeat(12));
});

test.each(FROM_JAVA)("%s beyond the limit is refused, and within it is not", async (_, codec, packed) => {
  const bytes = Buffer.from(packed, "base64");
  const length = Buffer.byteLength(TEXT);
  await expect(decompress({ codec, packed: bytes, maxBytes: length - 1 })).rejects.toThrow(`it unpacks to more than ${length - 1} bytes`);
  expect(await decompress({ codec, packed: bytes, maxBytes: length })).toHaveLength(length);
});

test.each(FROM_JAVA)(
  "%s with any byte altered is unpacked to something or refused, within the limit, and without quoting it",
  async (name, codec, packed) => {
    const bytes = Buffer.from(packed, "base64");
    for (let at = 0; at < bytes.length; at += 1) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff, (bytes[at] ?? 0) ^ 0x10]) {
        const altered = Buffer.from(bytes);
        altered[at] = value;
        const result = await decompress({ codec, packed: altered, maxBytes: 65_536 }).catch((error: Error) => error);
        if (result instanceof Error) {
          expect(result.message).toMatch(new RegExp(`^its ${name} cannot be unpacked: `));
          expect(result.message).not.toMatch(/Call|Gr/);
        } else expect(result.length).toBeLessThanOrEqual(65_536);
      }
      const cut = await decompress({ codec, packed: bytes.subarray(0, at), maxBytes: 65_536 }).catch((error: Error) => error);
      expect(cut instanceof Error || cut.length < Buffer.byteLength(TEXT) || cut.toString() === TEXT).toBe(true);
    }
  },
);

interface BatchOptions {
  baseOffset: number;
  records?: Partial<EncodableRecord>[];
  /** The records' bytes as they go into the batch. */
  pack?(records: Buffer): Buffer;
  attributes?: number;
  format?: number;
  alter?(batch: Buffer): void;
}

function makeBatch({
  baseOffset,
  records = [{}],
  pack = (bytes) => bytes,
  attributes = 0,
  format = 2,
  alter = () => undefined,
}: BatchOptions): Buffer {
  const encoded = records.map((record, offsetDelta) => encodeRecord({ offsetDelta, timestampDelta: 0, key: "k", value: "v", ...record }));
  const packed = pack(Buffer.concat(encoded));
  const batch = Buffer.alloc(61 + packed.length);
  batch.writeBigInt64BE(BigInt(baseOffset), 0);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt8(format, 16);
  batch.writeInt16BE(attributes, 21);
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(1_700_000_000_000n, 27);
  batch.writeBigInt64BE(1_700_000_009_000n, 35);
  batch.writeInt32BE(records.length, 57);
  packed.copy(batch, 61);
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  alter(batch);
  return batch;
}

const GOOD = (baseOffset: number, count = 2) => makeBatch({ baseOffset, records: Array.from({ length: count }, () => ({})) });

/** Offsets, and for what cannot be read its range. */
async function shape(...batches: Buffer[]): Promise<(number | string)[]> {
  return (await readBatches(Buffer.concat(batches))).map(({ offset, unreadable }) =>
    unreadable ? `${unreadable.from}–${unreadable.to}` : Number(offset),
  );
}

test("records have what was written: keys, values, headers, times, offsets far beyond 32 bits", async () => {
  const value = randomBytes(5_000);
  const baseOffset = 2 ** 40;
  const records = [
    {
      key: Buffer.from("voiceinfra/call_1"),
      value,
      headers: { source: "voiceinfra", twice: ["a", Buffer.from("b")], empty: null as never },
    },
    { key: null, value: null, timestampDelta: 86_400_000 * 365 },
    { timestampDelta: -5 },
  ];
  const [first, second, third] = await readBatches(makeBatch({ baseOffset, records }));
  expect(first).toMatchObject({ offset: String(baseOffset), timestamp: "1700000000000", key: Buffer.from("voiceinfra/call_1"), value });
  expect({ ...first?.headers }).toEqual({ source: Buffer.from("voiceinfra"), twice: [Buffer.from("a"), Buffer.from("b")], empty: null });
  expect(second).toMatchObject({ offset: String(baseOffset + 1), timestamp: "1731536000000", key: null, value: null });
  expect(third).toMatchObject({ offset: String(baseOffset + 2), timestamp: "1699999999995" });
  // LogAppendTime: the broker's clock, one for the batch.
  expect((await readBatches(makeBatch({ baseOffset, records, attributes: 8 }))).map(({ timestamp }) => timestamp)).toEqual(
    records.map(() => "1700000009000"),
  );
});

test("a batch that an answer cuts off is left for the next one", async () => {
  expect(await shape(GOOD(0), GOOD(2).subarray(0, -3))).toEqual([0, 1]);
  expect(await shape(GOOD(0), GOOD(2).subarray(0, 30))).toEqual([0, 1]);
});

test.each<[string, Partial<BatchOptions>, RegExp]>([
  ["a codec that does not exist", { attributes: 6 }, /packed with codec 6, which this version does not know/],
  ["another record format", { format: 1 }, /record format 1/],
  ["a byte that was altered", { alter: (batch) => batch.fill(0x55, 64, 65) }, /checksum \(CRC-32C\) is wrong/],
  ["bytes that are no zstd", { attributes: 4 }, /its zstd cannot be unpacked/],
  ["bytes that are no lz4", { attributes: 3 }, /its lz4 cannot be unpacked/],
  ["records that are cut off", { pack: (bytes) => bytes.subarray(0, -2) }, /cut off/],
  ["more bytes than records", { pack: (bytes) => Buffer.concat([bytes, Buffer.alloc(3)]) }, /more bytes than records/],
  [
    "less in its records than they say",
    { pack: (bytes) => Buffer.concat([Buffer.from([bytes[0] as number, 0, 0, 0, 1, 1, 0]), bytes.subarray(7)]) },
    /./,
  ],
])("a batch with %s stands there as a range, with the reason; what lies around it is read", async (_, options, reason) => {
  const bad = makeBatch({ baseOffset: 2, records: [{}, {}, {}], ...options });
  expect(await shape(GOOD(0), bad, GOOD(5))).toEqual([0, 1, "2–5", 5, 6]);
  const [mark] = await readBatches(bad);
  expect(mark?.unreadable?.reason).toMatch(reason);
});

test("the range of a batch whose own numbers are wrong ends where the next one begins, else it is the smaller number", async () => {
  const far = makeBatch({ baseOffset: 2, records: [{}, {}, {}], alter: (batch) => void batch.writeInt32BE(1_000_000, 23) });
  expect(await shape(far, GOOD(5))).toEqual(["2–5", 5, 6]);
  expect(await shape(far)).toEqual(["2–5"]);
  const negative = makeBatch({ baseOffset: 2, records: [{}, {}, {}], alter: (batch) => void batch.writeInt32BE(-7, 57) });
  expect(await shape(negative)).toEqual(["2–3"]);
});

test("a first batch whose length is wrong does not end the reading for ever", async () => {
  const long = makeBatch({ baseOffset: 2, alter: (batch) => void batch.writeInt32BE(2_000_000_000, 8) });
  const [mark] = await readBatches(Buffer.concat([long, GOOD(3)]));
  expect(mark?.unreadable).toEqual({ from: 2, to: 3, reason: "its length is wrong" });
});

test.each<[string, number, (bytes: Buffer) => Buffer]>([
  ["gzip", 1, (bytes) => gzipSync(bytes)],
  ["zstd", 4, (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 3 } })],
])("%s of a few kilobytes that would unpack to more than 32 MB is a range, not a process out of memory", async (_, attributes, pack) => {
  const bomb = makeBatch({ baseOffset: 2, records: [{ value: Buffer.alloc(MAX_BYTES) }], pack, attributes });
  expect(bomb.length).toBeLessThan(100_000);
  expect(await shape(bomb, GOOD(3))).toEqual(["2–3", 3, 4]);
  const [mark] = await readBatches(bomb);
  expect(mark?.unreadable?.reason).toBe(
    `its ${attributes === 1 ? "gzip" : "zstd"} cannot be unpacked: it unpacks to more than ${MAX_BYTES} bytes`,
  );
});

test("of many batches that unpack to much, so many are read at once as memory allows; the others come with the next answer", async () => {
  const large = (baseOffset: number) =>
    makeBatch({ baseOffset, records: [{ value: Buffer.alloc(3_000_000) }], pack: (bytes) => gzipSync(bytes), attributes: 1 });
  expect(await shape(...Array.from({ length: 20 }, (_, index) => large(index)))).toEqual([0, 1]);
});
