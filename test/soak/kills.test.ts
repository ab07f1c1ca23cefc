import { expect, test } from 'vitest';
import { killForAWhile, openFleet } from '../jobs/service/fleet.ts';
import { describeOn } from '../support/backends.ts';

const forMs = Number(process.env['ROLLCALL_SOAK_MINUTES'] ?? '4') * 60_000;
/** The mean time between two kills: three of them in a short form too. */
const everyMs = Math.min(9_000, forMs / 3);
const slotEveryS = 5;
const rate = 20;

describeOn('redis', 'two services, killed at random moments', () => {
  test('no slot and no change is lost', { timeout: forMs + 300_000 }, async () => {
    await using fleet = await openFleet({ everyS: slotEveryS, people: 400, rate });
    const { slots, kills } = await killForAWhile(fleet, { forMs, everyMs, rate });
    process.stderr.write(`${kills} kills, ${slots} slots, none lost\n`);
    // A kill comes after one and a half of that time at most, and the start of the next service.
    expect(kills).toBeGreaterThanOrEqual(Math.max(1, Math.floor(forMs / 30_000)));
    // Three platforms; at the very end slots are not counted that may be under way.
    expect(slots).toBeGreaterThanOrEqual(3 * Math.floor(forMs / 1_000 / slotEveryS - 1));
  });
});
