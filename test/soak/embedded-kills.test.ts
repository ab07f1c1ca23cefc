import { execFileSync } from 'node:child_process';
import { readdir, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { openEmbedded } from '../../src/store/database.ts';
import { people } from '../support/company.ts';
import { drawn } from '../support/drawn.ts';
import { openSparkwiseCompany } from '../support/harness.ts';
import { expectEndsInStep, timesApplied } from '../support/in-step.ts';
import { until } from '../support/until.ts';

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

function mayNameHosts(): boolean {
  try {
    execFileSync('unshare', ['--uts', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('skipped: kills under another host name: unshare --uts is not allowed here\n');
    return false;
  }
}

const hosts = Number(process.env['ROLLCALL_SOAK_HOSTS'] ?? '6');

// A container that is made anew has another name: whoever held the platform counts as another machine's.
test.skipIf(!mayNameHosts())(
  `${hosts} kills, each start under another host name: it waits for the lease, and goes on`,
  {
    timeout: 3_600_000,
  },
  async () => {
    const random = drawn('moments of the kills under other names');
    let starts = 0;
    await using company = await openSparkwiseCompany({
      backend: 'embedded',
      rows: people(300),
      rate: 10,
      platform: { batch: 5, timeout: '5s' },
      startedBy: () => ['unshare', '--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', `host-${++starts}`],
    });
    const users = (): number => company.state.users.length;
    for (let kill = 0; kill < hosts; kill++) {
      const before = users();
      const child = await company.spawn('sync', '--json');
      // It has the platform once it writes: fifteen seconds after the one before was killed.
      await Promise.race([child.ended, until('a write', () => users() > before, 120_000)]);
      await sleep(random.next() * 1_000);
      await child.kill();
      const { err } = await child.ended;
      expect(err).not.toMatch(/INTERNAL|DATA_DIR|STORE_UNAVAILABLE/);
    }
    await expectEndsInStep(company, people(300));
    const created = await timesApplied(company, 'create');
    expect(created.size).toBe(300);
    expect([...created.values()].every((times) => times === 1)).toBe(true);
  },
);

const losses = Number(process.env['ROLLCALL_SOAK_LOSSES'] ?? '6');

test(`${losses} times the power is lost: what was not on the disk yet is cut off, what was acknowledged is there`, {
  timeout: 3_600_000,
}, async () => {
  const random = drawn('moments at which the power is lost');
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(600),
    rate: 10,
    platform: { batch: 5 },
  });
  const dataDir = join(company.folder, 'data');
  const cluster = join(dataDir, 'postgres', 'data');
  let cutBytes = 0;
  for (let loss = 0; loss < losses; loss++) {
    const before = company.state.users.length;
    const child = await company.spawn('sync', '--json');
    await Promise.race([child.ended, until('a write', () => company.state.users.length > before, 120_000)]);
    await sleep(random.next() * 1_500);
    // From here on it acknowledges nothing to anybody.
    child.signal('SIGSTOP');
    const database = await openEmbedded(dataDir, 'look');
    const done = await database.db
      .selectFrom('journal')
      .select(['run_id', 'seq'])
      .where('outcome', '=', 'done')
      .execute();
    const { rows: places } = await sql<{ file: string; offset: number }>`
      select file_name as file, file_offset as offset from pg_walfile_name_offset(pg_current_wal_flush_lsn())`.execute(
      database.db,
    );
    const postmaster = Number((await readFile(join(cluster, 'postmaster.pid'), 'utf8')).split('\n')[0]);
    const backends = (await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8'))
      .trim()
      .split(' ');
    await child.kill();
    process.kill(postmaster, 'SIGKILL');
    await until('the server and its processes to be gone', async () => {
      const there = await readdir('/proc');
      return ![String(postmaster), ...backends].some((pid) => there.includes(pid));
    });
    await database.close().catch(() => undefined);
    const [place] = places;
    if (place === undefined) throw new Error('no place in the log');
    const segment = join(cluster, 'pg_wal', place.file);
    const { size } = await stat(segment);
    const to = Number(place.offset) + Math.floor(random.next() * 100_000);
    if (to < size) {
      await truncate(segment, to);
      cutBytes += size - to;
    }
    const again = await openEmbedded(dataDir, 'look');
    const kept = new Set(
      (
        await again.db.selectFrom('journal').select(['run_id', 'seq']).where('outcome', '=', 'done').execute()
      ).map(({ run_id: run, seq }) => `${run}/${seq}`),
    );
    expect(done.filter(({ run_id: run, seq }) => !kept.has(`${run}/${seq}`))).toEqual([]);
    await again.close();
  }
  await expectEndsInStep(company, people(600));
  const created = await timesApplied(company, 'create');
  expect(created.size).toBe(600);
  expect([...created.values()].every((times) => times === 1)).toBe(true);
  process.stderr.write(
    `${losses} times the power was lost, ${cutBytes.toLocaleString('en')} bytes of the log with it\n`,
  );
});
