import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { unpackingMeter } from '../bounds.ts';
import { type Content, chunkBytes, type Progress, TornContent } from './content.ts';

/** Whether it is gzip, by its first bytes (RFC 1952, section 2.3.1). */
export function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** What a gzip unpacks to. */
export function gunzipped(packed: Content): Content {
  async function* read(onProgress?: Progress): AsyncGenerator<Buffer> {
    const gunzip = createGunzip({ chunkSize: chunkBytes });
    const count = unpackingMeter(packed.file, packed.deliveredBytes);
    // What goes wrong with the packed bytes goes wrong with the stream, where it is met.
    const fed = pipeline(packed.read(onProgress), gunzip).catch(() => undefined);
    try {
      for await (const chunk of gunzip as AsyncIterable<Buffer>) {
        count(chunk.length);
        yield chunk;
      }
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && String(cause.code).startsWith('Z_'))
        throw new TornContent('the compressed file is damaged or ends in the middle', { cause });
      throw cause;
    } finally {
      gunzip.destroy();
      await fed;
    }
  }
  return { ...packed, read, path: null };
}
