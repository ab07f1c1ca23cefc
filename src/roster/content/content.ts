import { createReadStream } from 'node:fs';
import { unreadable } from '../sources/file.ts';
import type { RosterFile } from '../types.ts';

/** How much is read at a time: 256 KiB. */
export const chunkBytes = 262_144;

/** How far along the delivery is, in its bytes. */
export type Progress = (bytes: number, totalBytes: number) => void;

/**
 * The bytes of a roster: as they were delivered, or as a stage makes them of another's (decrypts, unpacks). Stages stand
 * between a delivery and its format, in the order in which they were done there: `open.ts`.
 */
export type Content = {
  /** The file of the delivery, for messages. */
  readonly file: string;
  /** Bytes of the delivery: what progress is measured by, and whether a roster is large. */
  readonly deliveredBytes: number;
  /**
   * All of it, from its beginning; may be asked for again. What came before an error was right.
   *
   * @throws RollcallError ROSTER_UNREADABLE; TornContent where it ends, or goes wrong, in the middle
   */
  readonly read: (onProgress?: Progress) => AsyncIterable<Buffer>;
  /** The file that holds these very bytes, to be read at any place; null for what is made as it is read. */
  readonly path: string | null;
};

/** Content that ends, or goes wrong, in the middle; what came before it was given. The message says so in words. */
export class TornContent extends Error {
  override readonly name = 'TornContent';
}

/** A file as it is. */
export function contentOfFile({ file, sizeBytes }: RosterFile): Content {
  async function* read(onProgress?: Progress): AsyncGenerator<Buffer> {
    const stream = createReadStream(file, { highWaterMark: chunkBytes });
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        onProgress?.(stream.bytesRead, sizeBytes);
        yield chunk;
      }
    } catch (cause) {
      throw cause instanceof Error && 'syscall' in cause ? unreadable(file, cause) : cause;
    } finally {
      stream.destroy();
    }
  }
  return { file, deliveredBytes: sizeBytes, read, path: file };
}

/** The first bytes: so many, or all there are. What is torn before that ends there. */
export async function headOf(content: Content, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of content.read()) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= bytes) break;
    }
  } catch (error) {
    if (!(error instanceof TornContent)) throw error;
  }
  return Buffer.concat(chunks).subarray(0, bytes);
}
