import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { type Entry, fromBufferPromise, fromFdPromise, type ZipFile } from 'yauzl';
import { RollcallError } from '../../errors.ts';
import { unpackingMeter } from '../bounds.ts';
import { unreadable } from '../sources/file.ts';
import { type Content, TornContent } from './content.ts';

/** Files of one archive: a workbook has dozens. */
const mostEntries = 10_000;
/** The largest archive that is not a file here (it came within another, or encrypted) and is kept in memory, in bytes. */
const largestInMemory = 256 * 1024 ** 2;

/** A file in an archive. */
export type ZipEntry = { readonly name: string; readonly sizeBytes: number; readonly isEncrypted: boolean };

/** An archive with its directory read: that stands at its end, so all of it is there. */
export type Zip = {
  /** Without folders. */
  readonly entries: readonly ZipEntry[];
  /**
   * What a file of it unpacks to, checked against its checksum.
   *
   * @throws RollcallError ROSTER_UNREADABLE (more than a roster can be), TornContent
   */
  readonly read: (entry: ZipEntry) => AsyncGenerator<Buffer>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

/** @throws RollcallError ROSTER_UNREADABLE; TornContent for one whose directory cannot be read. */
export async function openZip(content: Content): Promise<Zip> {
  const { file, close } = await openFile(content);
  const found: { readonly shown: ZipEntry; readonly entry: Entry }[] = [];
  try {
    if (file.entryCount > mostEntries)
      throw new TornContent(`it says that it holds ${file.entryCount} files`);
    for await (const entry of file.eachEntry()) {
      const { fileName: name, uncompressedSize: sizeBytes } = entry;
      if (!name.endsWith('/'))
        found.push({ entry, shown: { name, sizeBytes, isEncrypted: entry.isEncrypted() } });
    }
  } catch (cause) {
    await close();
    throw torn(cause);
  }
  const count = unpackingMeter(content.file, content.deliveredBytes);

  async function* read(wanted: ZipEntry): AsyncGenerator<Buffer> {
    const entry = found.find(({ shown }) => shown === wanted)?.entry;
    if (entry === undefined) throw new RangeError('the file is of another archive');
    let stream: Readable | undefined;
    let sum = 0;
    try {
      stream = await file.openReadStreamPromise(entry);
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        count(chunk.length);
        sum = crc32(chunk, sum);
        yield chunk;
      }
    } catch (cause) {
      throw torn(cause);
    } finally {
      stream?.destroy();
    }
    if (sum !== entry.crc32) throw new TornContent('a file in the archive is not what its checksum says');
  }

  return { entries: found.map(({ shown }) => shown), read, [Symbol.asyncDispose]: close };
}

/** Errors of ours, and of whoever takes the bytes, as they are; all else is an archive that cannot be read. */
function torn(cause: unknown): unknown {
  if (cause instanceof RollcallError || cause instanceof TornContent) return cause;
  if (cause instanceof Error && 'syscall' in cause) return cause;
  return new TornContent('the archive is damaged or ends in the middle', { cause });
}

async function openFile(
  content: Content,
): Promise<{ readonly file: ZipFile; readonly close: () => Promise<void> }> {
  const options = { lazyEntries: true, autoClose: false, strictFileNames: false };
  if (content.path === null) {
    const bytes = await wholeOf(content);
    try {
      return { file: await fromBufferPromise(bytes, options), close: async () => undefined };
    } catch (cause) {
      throw torn(cause);
    }
  }
  const handle = await open(content.path).catch((cause: unknown) => {
    throw unreadable(content.file, cause);
  });
  const close = async (): Promise<void> => await handle.close();
  try {
    return { file: await fromFdPromise(handle.fd, options), close };
  } catch (cause) {
    await close();
    throw torn(cause);
  }
}

/** A zip is read from its end, and what is made as it is read has none before it was all made. */
async function wholeOf(content: Content): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of content.read()) {
    bytes += chunk.length;
    if (bytes > largestInMemory)
      throw new RollcallError(
        'ROSTER_UNREADABLE',
        `the roster has a workbook or a zip in it of more than ${largestInMemory / 1024 ** 2} MiB.`,
        {
          place: { file: content.file },
          hint: 'Have it delivered as it is, without another archive around it.',
        },
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
