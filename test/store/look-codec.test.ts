import { constants, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packCells, packIds, unpackCells, unpackIds } from '../../src/store/look-codec.ts';

test('lists come back as they were, whatever their length', async () => {
  for (const length of [0, 1, 2, 30, 1_000, 70_000]) {
    const cells = Uint16Array.from({ length }, (_, at) => (at * 40_503) & 0xffff);
    const ids = Uint32Array.from({ length }, (_, at) => (at * 2_654_435_761) >>> 0).sort();
    expect(await unpackCells(await packCells(cells))).toEqual(cells);
    expect(await unpackIds(await packIds(ids))).toEqual(ids);
  }
  await fc.assert(
    fc.asyncProperty(fc.uint32Array({ maxLength: 300 }), async (list) => {
      const ids = list.toSorted();
      expect(await unpackIds(await packIds(ids))).toEqual(ids);
    }),
  );
});

test('a list that was packed with other settings can be read', async () => {
  const planes = Buffer.from([1, 2, 3, 0, 0, 1]);
  const packed = deflateRawSync(planes, { level: constants.Z_BEST_SPEED });
  expect(await unpackCells(packed)).toEqual(Uint16Array.of(1, 2, 259));
});
