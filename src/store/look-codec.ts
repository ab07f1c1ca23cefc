import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRaw } from 'node:zlib';

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** What a list is known by: the same people or the same cells are stored once. */
export function hashOfList(list: Uint32Array | Uint16Array): string {
  return createHash('sha256')
    .update(Buffer.from(list.buffer, list.byteOffset, list.byteLength))
    .digest('hex')
    .slice(0, 32);
}

/** Of few bytes: making room for many takes longer than packing them does. Any reader unpacks what a smaller window packed. */
function settingsFor(bytes: number) {
  const windowBits = Math.min(15, Math.max(9, Math.ceil(Math.log2(bytes + 1))));
  return { level: constants.Z_BEST_SPEED, windowBits, memLevel: Math.min(8, windowBits - 6) };
}

/** Ascending numbers, small: their distances, all first bytes before all second ones, packed. */
export async function packIds(ids: Uint32Array): Promise<Buffer> {
  const planes = Buffer.alloc(ids.length * 4);
  let before = 0;
  const { length } = ids;
  for (let at = 0; at < length; at++) {
    const id = ids[at] ?? 0;
    const distance = id - before;
    before = id;
    planes[at] = distance & 0xff;
    planes[length + at] = (distance >>> 8) & 0xff;
    planes[2 * length + at] = (distance >>> 16) & 0xff;
    planes[3 * length + at] = distance >>> 24;
  }
  return deflate(planes, settingsFor(planes.length));
}

export async function unpackIds(bytes: Uint8Array): Promise<Uint32Array> {
  const planes = await inflate(bytes);
  const count = planes.length / 4;
  const ids = new Uint32Array(count);
  let before = 0;
  for (let at = 0; at < count; at++) {
    let distance = 0;
    for (let plane = 3; plane >= 0; plane--) distance = distance * 256 + (planes[plane * count + at] ?? 0);
    before += distance;
    ids[at] = before;
  }
  return ids;
}

/** Cells, low bytes before high bytes, packed. */
export async function packCells(cells: Uint16Array): Promise<Buffer> {
  const planes = Buffer.alloc(cells.length * 2);
  const { length } = cells;
  for (let at = 0; at < length; at++) {
    const cell = cells[at] ?? 0;
    planes[at] = cell & 0xff;
    planes[length + at] = cell >>> 8;
  }
  return deflate(planes, settingsFor(planes.length));
}

export async function unpackCells(bytes: Uint8Array): Promise<Uint16Array> {
  const planes = await inflate(bytes);
  const count = planes.length / 2;
  const cells = new Uint16Array(count);
  for (let at = 0; at < count; at++) cells[at] = (planes[at] ?? 0) | ((planes[count + at] ?? 0) << 8);
  return cells;
}
