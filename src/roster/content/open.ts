import type { RosterFile } from '../types.ts';
import { type Content, contentOfFile, headOf } from './content.ts';
import { gunzipped, isGzip } from './gunzip.ts';

/** Enough to see what a stage has to undo. */
const signatureBytes = 512;

/**
 * The roster's own bytes, whatever a delivery wrapped them in, told by the first bytes of each wrapping and never by a name.
 * In the order in which they are undone: unpacked.
 *
 * @throws RollcallError ROSTER_UNREADABLE
 */
export async function openContent(delivered: RosterFile): Promise<Content> {
  return await unpacked(contentOfFile(delivered));
}

async function unpacked(content: Content): Promise<Content> {
  return isGzip(await headOf(content, signatureBytes)) ? gunzipped(content) : content;
}
