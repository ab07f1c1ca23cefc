import { expect, test } from 'vitest';
import { describeOn } from '../../support/backends.ts';
import { until } from '../../support/until.ts';
import { expectEverySlot, expectPlatforms, killForAWhile, openFleet } from './fleet.ts';

const rate = 20;

describeOn('redis', 'two services on one Redis and one PostgreSQL', () => {
  test('every slot of three platforms runs exactly once, and SIGTERM ends both with 0', {
    timeout: 120_000,
  }, async () => {
    await using fleet = await openFleet({ everyS: 3, people: 30, rate });
    const services = await Promise.all([fleet.start(), fleet.start()]);
    const fromMs = Date.now();
    const slots = 3;
    await until('three slots of each platform', async () => {
      const counts = await Promise.all(
        fleet.platforms.map(
          async (platform) =>
            (await fleet.runsOf(platform)).filter(
              (run) => (run.slot_ms ?? 0) > fromMs && run.ended_ms !== null,
            ).length,
        ),
      );
      return Math.min(...counts) >= slots;
    });
    const toMs = Date.now() - 2_000;
    expect(await Promise.all(services.map((service) => service.stop('SIGTERM')))).toEqual([0, 0]);
    expect(await expectEverySlot(fleet, fromMs, toMs, false)).toBeGreaterThanOrEqual(
      fleet.platforms.length * (slots - 1),
    );
    expectPlatforms(fleet, rate);
    expect(await fleet.unended()).toBe(0);
  });

  test('killing one of them loses no slot and no change', { timeout: 180_000 }, async () => {
    await using fleet = await openFleet({ everyS: 3, people: 60, rate });
    const { slots, kills } = await killForAWhile(fleet, {
      forMs: 2_500,
      everyMs: 2_500,
      rate,
    });
    expect(kills).toBeGreaterThan(0);
    expect(slots).toBeGreaterThan(0);
  });
});
