import { expect, test } from 'vitest';
import { killForAWhile, openFleet } from '../service/fleet.ts';
import { describeOn } from '../support/backends.ts';

const minutes = Number(process.env['ROLLCALL_SOAK_MINUTES'] ?? '4');
const rate = 20;

describeOn('redis', 'two services, killed at random moments for minutes', () => {
  test('no slot and no change is lost', { timeout: (minutes + 5) * 60_000 }, async () => {
    await using fleet = await openFleet({ everyS: 5, people: 400, rate });
    const { slots, kills } = await killForAWhile(fleet, {
      forMs: minutes * 60_000,
      everyMs: 9_000,
      rate,
      random: Math.random,
    });
    process.stderr.write(`${kills} kills, ${slots} slots, none lost\n`);
    expect(kills).toBeGreaterThan(minutes * 2);
    expect(slots).toBeGreaterThan(minutes * 30);
  });
});
