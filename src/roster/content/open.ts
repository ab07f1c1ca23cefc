import type { DecryptConfig } from '../../config/roster-source.ts';
import { RollcallError } from '../../errors.ts';
import type { RosterFile } from '../types.ts';
import { type Content, contentOfFile, headOf } from './content.ts';
import { gunzipped, isGzip } from './gunzip.ts';
import { beginsEncrypted } from './openpgp/begins.ts';
import type { DecryptOptions } from './openpgp/decrypted.ts';
import type { EncryptionFacts } from './openpgp/facts.ts';
import { isZip } from './is-zip.ts';

/** Enough to see what a stage has to undo. */
const signatureBytes = 512;
/** Archives in archives: a gzip of a zip is what somebody may do, more is somebody's joke. */
const mostWrappings = 3;

export type OpenOptions = DecryptOptions & { readonly decrypt: DecryptConfig | undefined };

/** The roster's own bytes; `encryption` of one that was encrypted. */
export type OpenedContent = { readonly content: Content; readonly encryption?: EncryptionFacts };

/**
 * The roster's own bytes, whatever a delivery wrapped them in, told by the first bytes of each wrapping and never by a name.
 * In the order in which they are undone: decrypted (where `decrypt` is set, and then it has to be encrypted), unpacked.
 *
 * @throws RollcallError ROSTER_UNREADABLE, ROSTER_FORMAT (encrypted, and no key; an archive of several files), ROSTER_KEY, ROSTER_DECRYPT, ROSTER_SIGNATURE
 */
export async function openContent(delivered: RosterFile, options: OpenOptions): Promise<OpenedContent> {
  const file = contentOfFile(delivered);
  if (options.decrypt === undefined) {
    if (beginsEncrypted(await headOf(file, signatureBytes))) throw withoutKey(file.file);
    return { content: await unpacked(file) };
  }
  const { decrypted } = await import('./openpgp/decrypted.ts');
  const { content, facts } = await decrypted(file, options.decrypt, options);
  return { content: await unpacked(content), encryption: facts };
}

/** Each stage and format is loaded when it is met: most rosters are plain CSV, and a command that reads one waits for its packages. */
async function unzipped(packed: Content): Promise<Content> {
  const { unzipped } = await import('./unzip.ts');
  return unzipped(packed);
}

async function unpacked(packed: Content): Promise<Content> {
  let content = packed;
  for (let wrapping = 0; wrapping < mostWrappings; wrapping++) {
    const head = await headOf(content, signatureBytes);
    const inner = isGzip(head) ? gunzipped(content) : isZip(head) ? await unzipped(content) : content;
    if (inner === content) break;
    content = inner;
  }
  return content;
}

function withoutKey(file: string): RollcallError {
  return new RollcallError(
    'ROSTER_FORMAT',
    'the roster is encrypted (OpenPGP), and roster.decrypt is not set.',
    {
      place: { file, key: 'roster.decrypt' },
      hint: `Set decrypt: { privateKey: "\${file:PATH}" }, with the private half of the key that it is encrypted to.`,
    },
  );
}
