import { RollcallError } from '../../errors.ts';
import { type Content, type Progress, TornContent } from './content.ts';
import { openZip, type ZipEntry } from './zip.ts';

const shownNames = 5;

/**
 * What the one file in a zip is; the same content when it is a document whose parts a zip holds together, such as a
 * workbook.
 *
 * @throws RollcallError ROSTER_UNREADABLE (damaged, cut off), ROSTER_FORMAT (several files, none, an encrypted one)
 */
export async function unzipped(content: Content): Promise<Content> {
  const entries = await entriesOf(content);
  if (entries.some(({ name }) => name === '[Content_Types].xml' || name === 'mimetype')) return content;
  // What a Mac adds to every archive that it makes.
  const files = entries.filter(({ name }) => !/^__MACOSX\/|(?:^|\/)\.DS_Store$/.test(name));
  const [only, ...others] = files;
  if (only === undefined) throw refusal(content, 'a zip with no file in it', 'Have it exported again.');
  if (others.length > 0) {
    const names = files.slice(0, shownNames).map(({ name }) => name.slice(0, 100));
    throw refusal(
      content,
      `a zip of ${files.length} files (${names.join(', ')}${files.length > names.length ? ', …' : ''})`,
      'One file can be read: have the roster delivered alone.',
    );
  }
  if (only.isEncrypted)
    throw refusal(
      content,
      'a zip that is encrypted',
      'Have it delivered without a password, over a way that is encrypted itself (SFTP, HTTPS).',
    );

  async function* read(onProgress?: Progress): AsyncGenerator<Buffer> {
    await using zip = await openZip(content);
    const [entry] = zip.entries.filter(({ name }) => name === only?.name);
    if (entry === undefined) throw new TornContent('the file in the archive is gone');
    let bytes = 0;
    for await (const chunk of zip.read(entry)) {
      bytes += chunk.length;
      onProgress?.(
        Math.round((bytes / Math.max(1, entry.sizeBytes)) * content.deliveredBytes),
        content.deliveredBytes,
      );
      yield chunk;
    }
  }
  return { ...content, read, path: null };
}

async function entriesOf(content: Content): Promise<readonly ZipEntry[]> {
  try {
    await using zip = await openZip(content);
    return zip.entries;
  } catch (error) {
    if (error instanceof TornContent) throw damagedArchive(content, error);
    throw error;
  }
}

/** An archive, or a workbook, that is not all there: its directory stands at its end, and without it nothing is sure. */
export function damagedArchive({ file }: Content, cause: TornContent): RollcallError {
  return new RollcallError(
    'ROSTER_UNREADABLE',
    `the roster is a workbook or a zip that is not whole: ${cause.message}.`,
    { place: { file }, hint: 'Have it exported or copied again; nothing of it was read.', cause },
  );
}

function refusal({ file }: Content, what: string, hint: string): RollcallError {
  return new RollcallError('ROSTER_FORMAT', `the roster is ${what}.`, { place: { file }, hint });
}
