import { RollcallError } from '../errors.ts';

/** The longest cell, in characters: what a spreadsheet's cell holds. A longer one is damage, or no cell. */
export const longestCell = 32_767;
/** A cell longer than this holds no id, whatever stands around it, in characters. */
export const longestIdCell = 1_000;
/** The widest header, in columns: what a spreadsheet's sheet has. */
export const mostColumns = 16_384;
/**
 * The most bytes of one row. So much without a row's end is a quote that was never closed. (csv-parse has a limit of its
 * own, which costs a tenth of the time, since it is checked at every byte.)
 */
export const maxRecordBytes = 1_000_000;
/** The largest roster, unpacked, in bytes: 40 million rows of ten columns. */
export const largestRosterBytes = 4 * 1024 ** 3;
/**
 * How many times its own size an archive may unpack to. Rosters of people pack to a tenth or a twentieth; gzip's format
 * ends at 1,032 times, with nothing but one letter.
 */
const mostUnpacking = 200;
/** Below this the ratio does not matter, in bytes. */
const unpackedFreely = 64 * 1024 ** 2;

/** Counts what comes out of an archive of that size. Throws ROSTER_UNREADABLE when it is more than a roster can be. */
export function unpackingMeter(file: string, packedBytes: number): (bytes: number) => void {
  let unpacked = 0;
  return (bytes) => {
    unpacked += bytes;
    if (unpacked <= unpackedFreely) return;
    if (unpacked <= largestRosterBytes && unpacked <= packedBytes * mostUnpacking) return;
    const times = Math.floor(unpacked / Math.max(1, packedBytes)).toLocaleString('en');
    throw new RollcallError(
      'ROSTER_UNREADABLE',
      `the compressed roster has ${packedBytes.toLocaleString('en')} bytes and unpacks to more than ${unpacked.toLocaleString('en')} (${times} times as many): that is no roster.`,
      {
        place: { file },
        hint: `It may unpack to ${mostUnpacking} times its size and 4 GiB at most. Have it exported again.`,
      },
    );
  };
}
