import { promisify } from "node:util";
import { gunzip, zstdDecompress } from "node:zlib";
import { unpackLz4 } from "./lz4.ts";
import { unpackSnappy } from "./snappy.ts";

type Unpack = (packed: Buffer, limit: { maxBytes: number }) => Promise<Buffer> | Buffer;

const gunzipAsync = promisify(gunzip);
const zstdAsync = promisify(zstdDecompress);

/** By the number that a batch's attributes hold (https://kafka.apache.org/documentation/#recordbatch). */
const UNPACK: Record<number, { name: string; unpack: Unpack }> = {
  0: { name: "none", unpack: (packed) => packed },
  1: { name: "gzip", unpack: (packed, { maxBytes }) => gunzipAsync(packed, { maxOutputLength: maxBytes }) },
  2: { name: "snappy", unpack: unpackSnappy },
  3: { name: "lz4", unpack: unpackLz4 },
  4: { name: "zstd", unpack: (packed, { maxBytes }) => zstdAsync(packed, { maxOutputLength: maxBytes }) },
};

/**
 * What a batch's records look like before compression.
 * @throws {Error} saying why not, without quoting any of the bytes.
 */
export async function decompress(options: { codec: number; packed: Buffer; maxBytes: number }): Promise<Buffer> {
  const { codec, packed, maxBytes } = options;
  const known = UNPACK[codec];
  if (!known) throw new Error(`it is packed with codec ${codec}, which this version does not know`);
  try {
    return await known.unpack(packed, { maxBytes });
  } catch (cause) {
    const { code, message } = cause as { code?: string; message?: string };
    const why = code === "ERR_BUFFER_TOO_LARGE" ? `it unpacks to more than ${maxBytes} bytes` : message;
    throw new Error(`its ${known.name} cannot be unpacked: ${why}`, { cause });
  }
}
