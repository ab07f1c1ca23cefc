import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startScim } from '../../../sandbox/scim/index.ts';
import type { Fault, SandboxResponse } from '../../../sandbox/server.ts';
import { startSparkwise } from '../../../sandbox/sparkwise/index.ts';
import { approveRun } from '../../../src/actions/decisions.ts';
import type { Run } from '../../../src/store/run-lookups.ts';
import { changed, people, person, type Row, toCsv } from '../../support/company.ts';
import {
  dayMs,
  hourMs,
  type Message,
  minuteMs,
  openWorld,
  sparkwise,
  type TestCustomer,
  type World,
} from './world.ts';

// Seen working 4: the scenarios that hurt others. Nobody is removed wrongly, somebody is told, and the message says what to do.
const size = 60;
const everybody = people(size);

const cleanups: (() => Promise<void>)[] = [];
type Sparkwise = Awaited<ReturnType<typeof startSparkwise>>;
async function serve(): Promise<Sparkwise> {
  const served = await startSparkwise();
  cleanups.push(served.sandbox.close);
  return served;
}

const names = ['sunday', 'half', 'outage', 'zeros', 'silent', 'leavers'] as const;
type Name = (typeof names)[number];
let served: Record<Name, Sparkwise>;
let scim: Awaited<ReturnType<typeof startScim>>;
let world: World;

const groups = ['Warehouse', 'Finance', 'Sales', 'Board', 'IT', 'Stores'];

beforeAll(async () => {
  served = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await serve()])),
  ) as typeof served;
  scim = await startScim({ groups: groups.map((displayName) => ({ displayName })) });
  cleanups.push(scim.sandbox.close);
  const academy = (name: Name, more: object = {}) => ({
    platforms: { academy: sparkwise(served[name], more) },
  });
  world = await openWorld({
    sunday: academy('sunday'),
    half: academy('half'),
    outage: academy('outage'),
    zeros: academy('zeros'),
    silent: academy('silent', { schedule: '0 2 * * *', timezone: 'Europe/Dublin' }),
    leavers: academy('leavers'),
    reorganised: {
      platforms: {
        library: {
          provider: 'scim',
          mode: 'full',
          baseUrl: scim.baseUrl,
          token: scim.token,
          rate: '1000/s',
          enrollments: groups.map((name) => ({ target: name, when: `person.department == "${name}"` })),
        },
      },
    },
  });
}, 180_000);
afterAll(async () => {
  await world?.close();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function inactive({ state }: Sparkwise): readonly string[] {
  return state.users.flatMap((user) => (user.active ? [] : [user.remoteId ?? ''])).toSorted();
}

async function inStep(customer: TestCustomer, platform = 'academy'): Promise<void> {
  await customer.export(everybody);
  expect((await customer.run(platform)).status).toBe('applied');
  expect((await customer.run(platform)).status).toBe('unchanged');
  expect(customer.heard()).toEqual([]);
}

function last(customer: TestCustomer, kind: string): Message {
  const message = customer.messages.filter((one) => one.kind === kind).at(-1);
  if (message === undefined)
    throw new Error(`no ${kind}: ${customer.messages.map((one) => one.kind).join(', ')}`);
  return message;
}

const sumOf = (counts: Run['applied']): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

describe('the HR system exports an empty file on Sunday', () => {
  it.each([
    ['a header and no rows', toCsv([]), 'withheld', 'REMOVALS_WITHHELD', /no rows/],
    ['nothing at all', '', 'failed', 'ROSTER_UNREADABLE', /no header/],
  ])('%s', async (_, file, status, kind, why) => {
    const sunday = world.customer('sunday');
    sunday.heard();
    const academy = served.sunday;
    await sunday.export(everybody);
    await sunday.run();
    sunday.heard();
    await sunday.export(file);
    for (let run = 0; run < 3; run++) {
      const ended = await sunday.run();
      expect(ended.status).toBe(status);
      expect(sumOf(ended.applied)).toBe(0);
      world.clock.nowMs += dayMs;
    }
    expect(inactive(academy)).toEqual([]);
    expect(academy.state.users).toHaveLength(size);
    expect(sunday.heard()).toEqual([`begin ${kind}`]);
    const message = last(sunday, kind);
    expect(message.summary).toMatch(why);
    expect(message.notDone).toMatch(/Nobody was|Nothing was/);
    expect(message.nextStep).toMatch(/rollcall check/);
    expect(message.nextStep).toMatch(/rollcall sync/);
    // Monday's export is whole.
    await sunday.export(everybody);
    expect((await sunday.run()).status).toBe('unchanged');
    expect(sunday.heard()).toEqual([`end ${kind}`]);
  });
});

describe('the export is cut at half', () => {
  it.each([
    [
      'between two lines',
      (text: string) => text.slice(0, text.indexOf('\n', text.length / 2) + 1),
      /fewer/,
      [],
    ],
    [
      'in the middle of a line',
      (text: string) => text.slice(0, text.indexOf('\n', text.length / 2) + 9),
      /torn/,
      ['PEOPLE_REJECTED'],
    ],
  ])('%s', async (_, cut, why, more) => {
    const half = world.customer('half');
    await half.export(everybody);
    await half.run();
    half.heard();
    for (let night = 0; night < 4; night++) {
      await half.export(cut(toCsv(everybody)));
      expect((await half.run()).status).toBe('withheld');
      world.clock.nowMs += dayMs;
    }
    expect(inactive(served.half)).toEqual([]);
    // The torn row itself is one that was rejected three times in a row.
    expect(half.heard()).toEqual(['REMOVALS_WITHHELD', ...more].map((kind) => `begin ${kind}`));
    const message = last(half, 'REMOVALS_WITHHELD');
    expect(message.summary).toMatch(why);
    expect(message.notDone).toContain('Nobody was deactivated or unenrolled on academy');
    expect(message.nextStep).toMatch(/^rollcall check; have the export repaired, then rollcall sync$/);
    await half.export(everybody);
    expect((await half.run()).status).toBe('unchanged');
    expect(half.heard()).toEqual(['REMOVALS_WITHHELD', ...more].map((kind) => `end ${kind}`));
  });
});

describe('an outage of a platform', () => {
  const answer = (response: SandboxResponse): Fault => ({
    kind: 'read',
    times: Infinity,
    effect: { do: 'answer', response },
  });
  const users = (items: readonly unknown[], total: number): SandboxResponse => ({
    status: 200,
    json: {
      success: true,
      error: null,
      data: { items, page: 0, size: 200, next: null, prev: null, totalPages: 1, total },
    },
  });

  it('reads as 401, 503, empty and partial: nobody is touched, and each is told with what to do', async () => {
    const outage = world.customer('outage');
    const { sandbox, state } = served.outage;
    await inStep(outage);
    // Somebody leaves and somebody joins meanwhile.
    const now: Row[] = changed([...everybody, person(size + 1)], { [person(1).id]: { status: 'Left' } });
    await outage.export(now);
    const writes = sandbox.counts().writes;

    sandbox.fail(
      answer({ status: 401, json: { success: false, error: { message: 'no', metadata: {} }, data: null } }),
    );
    expect((await outage.run()).status).toBe('failed');
    expect(outage.heard()).toEqual(['begin SIGN_IN_REFUSED']);
    expect(last(outage, 'SIGN_IN_REFUSED').nextStep).toMatch(
      /rollcall check; put a valid credential .* rollcall sync academy/,
    );

    sandbox.clearFaults();
    sandbox.fail(answer({ status: 503, text: 'down' }));
    expect((await outage.run()).status).toBe('failed');
    // Whether the credentials are good again, a 503 does not say.
    expect(outage.heard()).toEqual(['begin RUN_FAILED']);
    expect(last(outage, 'RUN_FAILED').nextStep).toMatch(
      /rollcall show academy-\S+; once its cause is settled: rollcall sync academy/,
    );
    expect(sandbox.counts().writes).toBe(writes);

    sandbox.clearFaults();
    sandbox.fail(answer(users([], 0)));
    const empty = await outage.run();
    expect(empty.status).toBe('withheld');
    expect(inactive(served.outage)).toEqual([]);
    expect(outage.heard().toSorted()).toEqual([
      'begin REMOVALS_WITHHELD',
      'end RUN_FAILED',
      'end SIGN_IN_REFUSED',
    ]);
    expect(last(outage, 'REMOVALS_WITHHELD').platform).toBe('academy');
    expect(last(outage, 'REMOVALS_WITHHELD').nextStep).toMatch(
      /rollcall show .*rollcall check.*rollcall sync academy/,
    );

    sandbox.clearFaults();
    const half = state.users.slice(0, size / 2).map(({ id, firstName, lastName, active, remoteId }) => ({
      id,
      firstName,
      lastName,
      active,
      remoteId,
    }));
    sandbox.fail(answer(users(half, half.length)));
    expect((await outage.run()).status).toBe('withheld');
    expect(inactive(served.outage)).toEqual([]);
    expect(outage.heard()).toEqual([]);
    // Nobody is there twice: who could not be seen was not made anew.
    expect(new Set(state.users.map(({ remoteId }) => remoteId)).size).toBe(state.users.length);
    expect(state.users).toHaveLength(size + 1);

    sandbox.clearFaults();
    expect((await outage.run()).status).toBe('applied');
    expect(inactive(served.outage)).toEqual([person(1).id]);
    expect(outage.heard()).toEqual(['end REMOVALS_WITHHELD']);
  });
});

describe('a reorganisation renames every department', () => {
  it('holds updates and unenrollments until somebody has looked, and then applies them', async () => {
    const reorganised = world.customer('reorganised');
    await inStep(reorganised, 'library');
    const members = () => [...scim.state.groups.values()].reduce((sum, group) => sum + group.members.size, 0);
    expect(members()).toBe(size);
    await reorganised.export(everybody.map((row) => ({ ...row, department: `Group ${row.department}` })));
    const held = await reorganised.run('library');
    expect(held.status).toBe('held');
    expect(held.held).toMatchObject({ update: size, unenroll: size, deactivate: 0 });
    expect(members()).toBe(size);
    expect(scim.state.users.every(({ active }) => active)).toBe(true);
    expect(reorganised.heard()).toEqual(['begin RUN_HELD']);
    const message = last(reorganised, 'RUN_HELD');
    expect(message.summary).toMatch(
      /Department: 60 of 60 have another value.*held: 60 update; all of them: Department changed\..*10 of 10 of Warehouse; all/,
    );
    // Column names and counts: no value of anybody's row.
    expect(message.summary).not.toMatch(/Group |example/);
    expect(message.notDone).toBe(
      '60 update, 60 unenroll of library wait for a decision; everything else of the run went ahead.',
    );
    expect(message.nextStep).toBe(
      `rollcall show ${held.id}; then rollcall approve ${held.id} --hash ${held.hash} or rollcall reject ${held.id}`,
    );
    // The same hold, night after night, is not told again.
    const again = await reorganised.run('library');
    expect([again.status, again.hash]).toEqual(['held', held.hash]);
    expect(reorganised.heard()).toEqual([]);

    // The rules follow, or somebody approves.
    await approve('reorganised', again);
    expect(members()).toBe(0);
    expect(scim.state.users.every(({ active }) => active)).toBe(true);
    expect(reorganised.heard()).toEqual(['end RUN_HELD']);
  });
});

async function approve(name: string, run: Run): Promise<Run> {
  const customer = world.engine.deps.customers.get(name) ?? expect.fail();
  world.clock.nowMs += minuteMs;
  const { job } = await approveRun(world.engine, {
    customer,
    run: run.id,
    hash: run.hash ?? '',
    actor: 'jo',
    via: 'test',
  });
  const result = await world.engine.result(job, { signal: AbortSignal.timeout(20_000) });
  expect(await world.alerting.settled(10_000)).toBe(true);
  return 'run' in result ? result.run : expect.fail(JSON.stringify(result));
}

describe('ids lose their leading zeros', () => {
  it('makes nobody twice and removes nobody, however long it lasts', async () => {
    const zeros = world.customer('zeros');
    await inStep(zeros);
    const stripped = everybody.map((row) => ({ ...row, id: row.id.replace(/^0+/, '') }));
    for (let night = 0; night < 6; night++) {
      await zeros.export(stripped);
      const run = await zeros.run();
      expect(run.status).toBe('withheld');
      expect(sumOf(run.planned)).toBe(0);
      world.clock.nowMs += dayMs;
    }
    expect(inactive(served.zeros)).toEqual([]);
    expect(served.zeros.state.users).toHaveLength(size);
    expect(zeros.heard().at(0)).toBe('begin REMOVALS_WITHHELD');
    const message = last(zeros, 'REMOVALS_WITHHELD');
    expect(message.summary).toContain('60 new ids are 60 absent ones without their zeros');
    expect(message.summary).toContain('roster.columns.previousId');
    expect(message.notDone).toMatch(/^These people were neither created nor removed on/);
    await zeros.export(everybody);
    expect((await zeros.run()).status).toBe('unchanged');
    expect(zeros.heard()).toEqual(['end REMOVALS_WITHHELD']);
  });
});

describe('a schedule stops silently', () => {
  it('is told after two missed slots, and when runs come again', async () => {
    const silent = world.customer('silent');
    await inStep(silent);
    // Tuesday's slot is missed, and Wednesday's: 02:00 in Dublin, an hour's grace.
    const tuesday = Math.ceil(world.clock.nowMs / dayMs) * dayMs + 2 * hourMs;
    const passTo = async (ms: number): Promise<readonly string[]> => {
      world.clock.nowMs = ms;
      await world.alerting.tick();
      expect(await world.alerting.settled(10_000)).toBe(true);
      return silent.heard();
    };
    const dublinMs = new Date(tuesday).toLocaleString('sv', { timeZone: 'Europe/Dublin' }).includes(' 03:')
      ? hourMs
      : 0;
    expect(await passTo(tuesday - dublinMs + 2 * hourMs)).toEqual([]);
    expect(await passTo(tuesday - dublinMs + dayMs + 59 * minuteMs)).toEqual([]);
    expect(await passTo(tuesday - dublinMs + dayMs + 61 * minuteMs)).toEqual(['begin PLATFORM_STALE']);
    expect(await passTo(world.clock.nowMs + 6 * hourMs)).toEqual([]);
    const message = last(silent, 'PLATFORM_STALE');
    expect(message.severity).toBe('critical');
    expect(message.summary).toMatch(
      /No good run of academy for too long\. The last good run ended at .* No run has ended since\./,
    );
    expect(message.nextStep).toBe('rollcall status; rollcall schedule; then rollcall resync academy');
    expect((await silent.run('academy', 'catch-up')).status).toBe('unchanged');
    expect(silent.heard()).toEqual(['end PLATFORM_STALE']);
    expect(inactive(served.silent)).toEqual([]);
  });
});

describe('twenty more people leave between the hold and its approval', () => {
  it('lets go only those who were seen, and holds the twenty anew', async () => {
    const leavers = world.customer('leavers');
    await inStep(leavers);
    const left = (from: number, to: number) =>
      Object.fromEntries(
        Array.from({ length: to - from + 1 }, (_, at) => [person(from + at).id, { status: 'Left' }]),
      );
    const ids = (from: number, to: number) => Object.keys(left(from, to)).toSorted();
    await leavers.export(changed(everybody, left(1, 10)));
    const held = await leavers.run();
    expect(held.held.deactivate).toBe(10);
    expect(leavers.heard()).toEqual(['begin RUN_HELD']);

    await leavers.export(changed(everybody, left(1, 30)));
    const released = await approve('leavers', held);
    expect(inactive(served.leavers)).toEqual(ids(1, 10));
    expect(released.applied.deactivate).toBe(10);
    expect(released.held.deactivate).toBe(20);
    expect(released.hash).not.toBe(held.hash);
    const said = leavers.heard();
    expect(['news RUN_HELD', 'begin RUN_HELD']).toContain(said.at(-1));
    const message = last(leavers, 'RUN_HELD');
    expect(message.notDone).toContain('20 deactivate of academy wait for a decision');
    expect(message.nextStep).toContain(`rollcall approve ${released.id} --hash ${released.hash}`);
  });
});
