import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { unpackingMeter } from '../bounds.ts';
import { unreadable } from './file.ts';
import type { RosterFile } from '../types.ts';

const chunkBytes = 262_144;

/** A compressed file that ends, or goes wrong, in the middle; what came before it was delivered. */
export class TornArchive extends Error {
  override readonly name = 'TornArchive';
}

async function isGzip(file: string): Promise<boolean> {
  try {
    await using handle = await open(file);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/**
 * The content of a file, unpacked if it is gzip (told by its first bytes, whatever its name).
 *
 * @throws RollcallError ROSTER_UNREADABLE, TornArchive.
 */
export async function* contentOf(
  source: RosterFile,
  onProgress: ((bytes: number, totalBytes: number) => void) | undefined,
): AsyncGenerator<Buffer> {
  const zipped = await isGzip(source.file);
  const file = createReadStream(source.file, { highWaterMark: chunkBytes });
  try {
    if (!zipped) {
      for await (const chunk of file as AsyncIterable<Buffer>) {
        onProgress?.(file.bytesRead, source.sizeBytes);
        yield chunk;
      }
      return;
    }
    const gunzip = createGunzip({ chunkSize: chunkBytes });
    file.on('error', (error) => gunzip.destroy(unreadable(source.file, error)));
    file.pipe(gunzip);
    const count = unpackingMeter(source.file, source.sizeBytes);
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      count(chunk.length);
      onProgress?.(file.bytesRead, source.sizeBytes);
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && String(cause.code).startsWith('Z_')) {
      throw new TornArchive('the compressed file is damaged or ends in the middle', { cause });
    }
    throw cause instanceof Error && 'syscall' in cause ? unreadable(source.file, cause) : cause;
  } finally {
    file.destroy();
  }
}
