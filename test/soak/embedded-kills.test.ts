import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { people } from '../support/company.ts';
import { drawn } from '../support/drawn.ts';
import { openSparkwiseCompany } from '../support/harness.ts';
import { expectEndsInStep, timesApplied } from '../support/in-step.ts';

const kills = Number(process.env['ROLLCALL_SOAK_KILLS'] ?? '100');
/** The longest that a process lives before it is killed, in ms: start-up and a few batches. */
const longestLifeMs = 4_000;
const rows = people(2_000);

test(`${kills} kills in a sync of 2,000 people, the server's among them: every start works, every change once`, {
  timeout: 3_600_000,
}, async () => {
  const random = drawn('moments of the kills');
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows,
    rate: 10,
    platform: { batch: 5 },
  });
  const lockFile = join(company.folder, 'data', 'postgres', 'data', 'postmaster.pid');
  let servers = 0;
  let ended = 0;
  for (let kill = 0; kill < kills && ended === 0; kill++) {
    const child = await company.spawn('sync', '--json');
    const life = sleep(500 + random.next() * longestLifeMs);
    const first = await Promise.race([child.ended, life.then(() => null)]);
    if (first !== null) {
      // It came to its end before it was killed: then all is done, or it says why not.
      expect([first.exit, first.err.split('\n').filter((line) => line.includes('"level":"fatal"'))]).toEqual([
        0,
        [],
      ]);
      ended++;
      break;
    }
    await child.kill();
    const { err } = await child.ended;
    expect(err).not.toMatch(/INTERNAL|DATA_DIR|STORE_UNAVAILABLE/);
    if (random.chance(0.3)) {
      const pid = Number((await readFile(lockFile, 'utf8').catch(() => '')).split('\n')[0]);
      if (pid > 0) {
        try {
          process.kill(pid, 'SIGKILL');
          servers++;
        } catch {
          // The one that was killed before, and nobody has started it again.
        }
      }
    }
  }
  await expectEndsInStep(company, rows);
  const created = await timesApplied(company, 'create');
  expect(created.size).toBe(rows.length);
  expect([...created.values()].every((times) => times === 1)).toBe(true);
  expect(company.sandbox.counts().tooMany).toBe(0);
  process.stderr.write(`${kills} kills, ${servers} of them with the server\n`);
});
