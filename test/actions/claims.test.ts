import { describe, expect, test } from 'vitest';
import { describeOn } from '../support/backends.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';

const dayMs = 24 * 3_600_000;

describe.each(['embedded', 'postgres'] as const)('%s', (backend) =>
  describeOn(backend, 'one tenant, one customer of a store', () => {
    test('a renamed file or a second service is refused, told how to go on, and free to look', async () => {
      await using company = await openSparkwiseCompany({
        backend,
        rows: people(6),
        clock: '2026-03-02T06:00:00Z',
      });
      expect(await company.sync()).toMatchObject({ status: 'applied' });
      const { log } = company.sandbox;

      await company.configure({ config: { customer: 'prod' } });
      const before = log.length;
      const refused = await company.rollcall('sync', '--json');
      expect(refused).toMatchObject({ exit: 2 });
      expect(refused.err).toContain(
        'CONFIG_DUPLICATE_TENANT: points at the tenant that the customer "harbour"',
      );
      expect(refused.err).toMatch(
        /the customer "prod" is new in this store, which knows harbour\. If .*rollcall\.yaml was renamed, write customer: harbour/,
      );
      expect(log).toHaveLength(before);

      // Whoever only looks harms nobody.
      await company.configure({ platform: { mode: 'observe' } });
      expect(await company.sync()).toMatchObject({ exit: 0 });
      await company.configure({ platform: { mode: 'full' } });
      expect(await company.rollcall('sync')).toMatchObject({ exit: 2 });

      // The right name goes on where it was, and nothing is said.
      await company.configure({ config: { customer: 'harbour' } });
      const again = await company.rollcall('sync');
      expect(again.exit).toBe(0);
      expect(again.err).not.toContain('is new in this store');

      // Whoever had no run for 30 days has given it up.
      company.clock.advance(29 * dayMs);
      await company.configure({ config: { customer: 'prod' } });
      expect(await company.rollcall('sync')).toMatchObject({ exit: 2 });
      company.clock.advance(2 * dayMs);
      await company.export(people(6));
      expect(await company.rollcall('sync', platformName)).toMatchObject({ exit: 0 });
      await company.configure({ config: { customer: 'harbour' } });
      expect(await company.rollcall('sync')).toMatchObject({ exit: 2 });
    });
  }),
);
