import { type Content, TornContent } from '../../content/content.ts';
import { damagedArchive } from '../../content/unzip.ts';
import { openZip } from '../../content/zip.ts';

/** How far an old document is searched for what it says of itself, in bytes. */
const searchedBytes = 64 * 1024 ** 2;
/** The stream that holds an encrypted workbook in an old document ([MS-OFFCRYPTO], section 1.3.3). */
const encryptedPackage = Buffer.from('EncryptedPackage', 'utf16le');

/** Of a zip that holds a document together: null for a workbook that can be read, else what it is in words. */
export async function otherDocument(content: Content): Promise<string | null> {
  try {
    await using zip = await openZip(content);
    const has = (pattern: RegExp): boolean => zip.entries.some(({ name }) => pattern.test(name));
    if (zip.entries.some(({ isEncrypted }) => isEncrypted)) return 'a workbook protected by a password';
    if (has(/(?:^|\/)workbook\.xml$/i)) return null;
    if (has(/(?:^|\/)workbook\.bin$/i)) return 'a binary Excel workbook (xlsb)';
    if (has(/^word\//i)) return 'a Word document';
    if (has(/^ppt\//i)) return 'a presentation';
    return has(/^mimetype$/) ? 'an OpenDocument file (ods)' : 'a zip archive that is no workbook';
  } catch (error) {
    throw error instanceof TornContent ? damagedArchive(content, error) : error;
  }
}

/** What a document of the old kind is (a compound file): a workbook of the old kind, or a new one that is encrypted. */
export async function oldDocument(content: Content): Promise<string> {
  let searched = 0;
  let before = Buffer.alloc(0);
  for await (const chunk of content.read()) {
    if (Buffer.concat([before, chunk]).includes(encryptedPackage))
      return 'a workbook protected by a password';
    before = Buffer.from(chunk.subarray(-encryptedPackage.length));
    searched += chunk.length;
    if (searched > searchedBytes) break;
  }
  return 'an old Excel workbook (xls)';
}
