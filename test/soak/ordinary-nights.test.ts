import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openEmbedded } from '../../src/store/database.ts';
import { createStore } from '../../src/store/store.ts';
import { createCompany, type Event, targetNames, targets } from '../simulation/company.ts';
import { bytesOf } from '../simulation/damage.ts';
import { canWrite, drawDialect, tableOf } from '../simulation/dialect.ts';
import { createRandom } from '../simulation/random.ts';
import { judge } from '../simulation/truth.ts';
import { dayOf, openWorld } from '../simulation/world.ts';
import { drawn } from '../support/drawn.ts';
import { makeDataDir } from '../support/template.ts';

const nights = Number(process.env['ROLLCALL_SOAK_NIGHTS'] ?? '400');
const size = 2_000;
/** What a night brings: forty changes, two in a hundred people. */
const aNight: readonly (readonly [Event['kind'], number])[] = [
  ['join', 8],
  ['leave', 8],
  ['move', 8],
  ['rename', 4],
  ['address', 4],
  ['promote', 4],
  ['goOnLeave', 2],
  ['return', 1],
  ['rehire', 1],
];

test(`${nights} ordinary nights of ${size} people and a reorganisation: it alone is held, once, and goes through`, {
  timeout: 3_600_000,
}, async () => {
  const seed = drawn('the company').int(2 ** 31);
  const random = createRandom(`ordinary-${seed}`);
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-ordinary-'));
  const dataDir = join(folder, 'data');
  await makeDataDir(dataDir);
  const database = await openEmbedded(dataDir, 'simulate');
  const dialect = { ...drawDialect(random.fork('dialect')), leavers: 'listed' as const };
  const company = createCompany(random, size, dialect.ids, canWrite(dialect.encoding));
  const world = await openWorld(createStore(database), 'ordinary', dialect, {}, 200);
  const alarms: string[] = [];
  const held: number[] = [];
  const reorganised = nights >> 1;
  const began = performance.now();
  try {
    let before = world.morning();
    for (let night = 0; night < nights; night++) {
      const belonged = new Map(
        [...company.employees.values()].map((one) => [
          one.id,
          new Set(targetNames.filter((name) => targets[name](one))),
        ]),
      );
      if (night > 0)
        for (const [kind, count] of aNight)
          for (let n = 0; n < count; n++)
            company.live({ kind, seed: `${seed}/${night}/${kind}/${n}` }, night, dayOf(night));
      if (night === reorganised)
        company.live({ kind: 'dissolve', seed: `${seed}/dissolved` }, night, dayOf(night));
      const bytes = bytesOf({ table: tableOf(company, night, dialect), dialect, random });
      let run = await world.night(night, { kind: 'file', bytes }, null);
      const { status, reasons } = run;
      if (status === 'held') {
        held.push(night);
        run = await world.approve(run);
      }
      if (!['applied', 'unchanged'].includes(run.status) || (status === 'held' && night !== reorganised))
        alarms.push(
          `night ${night}: ${status}, ${run.status}: ${reasons.map(({ message }) => message).join('; ')}`,
        );
      const after = world.morning();
      const rules = judge(
        company,
        dialect,
        before,
        after,
        {
          night,
          isClean: true,
          cleanRun: night,
          isBusy: night === reorganised,
          status,
          reasons: reasons.map(({ code }) => code),
          rejected: new Set(),
        },
        belonged,
      );
      expect(rules.slice(0, 5), `night ${night}`).toEqual([]);
      before = after;
    }
    expect(alarms).toEqual([]);
    expect(held).toEqual([reorganised]);
    // Whoever works in the Warehouse has its training, as before.
    const left = [...before.accounts.values()].filter(
      (seen) =>
        seen.active &&
        seen.fields.department === 'Warehouse' &&
        seen.targets.has('Warehouse safety') === false,
    );
    expect(left).toEqual([]);
    const seconds = (performance.now() - began) / 1_000;
    process.stderr.write(
      `${nights} nights of ${size} people, ${aNight.reduce((sum, [, count]) => sum + count, 0)} changes each: ${alarms.length} alarms, held on ${held.join(', ')}; ${seconds.toFixed(0)} s\n`,
    );
  } finally {
    await world.close();
    await database.close();
    await rm(folder, { recursive: true, force: true });
  }
});
