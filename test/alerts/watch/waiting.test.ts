import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSparkwise } from '../../../sandbox/sparkwise/index.ts';
import { platformStatus } from '../../../src/actions/status.ts';
import { people } from '../../support/company.ts';
import { until } from '../../support/until.ts';
import { hourMs, minuteMs, openWorld, sparkwise, type TestCustomer, type World } from './world.ts';

// Due at one each night; the run of two waits for it until half past three.
const night = {
  roster: { expected: { cron: '0 1 * * *', timezone: 'UTC', grace: '30m' }, waitFor: '90m' },
};
const tuesdayMs = Date.parse('2026-03-03T02:00:00Z');
let academy: Awaited<ReturnType<typeof startSparkwise>>;
let world: World;
let acme: TestCustomer;

beforeAll(async () => {
  academy = await startSparkwise();
  const block = sparkwise(academy, { schedule: '0 2 * * *', timezone: 'UTC' });
  world = await openWorld({ acme: { ...night, platforms: { academy: block } } });
  acme = world.customer('acme');
});
afterAll(async () => {
  await world.close();
  await academy.sandbox.close();
});

async function newest() {
  const [run] = await world.store.runs.list({ customer: 'acme', platform: 'academy', limit: 1 });
  return run;
}

/** Asks for the run of a slot as the schedule does. */
function request(slotMs: number) {
  return world.engine.request({
    customer: 'acme',
    platform: 'academy',
    trigger: 'schedule',
    actor: null,
    slotMs,
  });
}

/** The run of a slot; resolves when it waits. */
async function slotWaits(slotMs: number) {
  await request(slotMs);
  await until('the run to wait', async () => {
    const run = await newest();
    // What it waits for stands there a moment after that it waits: a slot in between would begin a run of its own.
    return run?.slot_ms === slotMs && run.status === 'waiting' && run.notes.length > 0;
  });
}

/** Lets the waiting run look again now. */
async function lookAgain(): Promise<void> {
  await until('the job to be delayed', async () => {
    const [job] = await world.engine.deps.queues.sync.getDelayed();
    await job?.promote();
    return job !== undefined;
  });
}

async function waitsInQueue(): Promise<boolean> {
  return (await world.engine.deps.queues.sync.getDelayedCount()) === 1;
}

async function runEnds(slotMs: number) {
  await until('the run to end', async () => {
    const run = await newest();
    return run?.slot_ms === slotMs && run.ended_ms !== null;
  });
  expect(await world.alerting.settled(10_000)).toBe(true);
}

describe('a run that waits for the roster of the night', () => {
  it('alarms nobody before its deadline, and then says that the roster is late', async () => {
    await acme.export(people(30));
    expect((await acme.run()).status).toBe('applied');
    // Nothing new comes in the night.
    world.clock.nowMs = tuesdayMs;
    await slotWaits(tuesdayMs);
    const customer = world.engine.deps.customers.get('acme') ?? expect.fail();
    const platform = customer.platforms.get('academy') ?? expect.fail();
    for (const waitedMs of [0, hourMs, 90 * minuteMs - 1]) {
      world.clock.nowMs = tuesdayMs + waitedMs;
      await acme.look();
      expect(acme.heard()).toEqual([]);
      const { underWay } = await platformStatus(world.engine.deps, customer, platform);
      expect(underWay).toMatchObject([{ status: 'waiting' }]);
    }
    expect((await newest())?.notes).toMatchObject([{ code: 'ROSTER_AWAITED' }]);

    world.clock.nowMs = tuesdayMs + 90 * minuteMs;
    await lookAgain();
    await runEnds(tuesdayMs);
    expect(acme.heard()).toEqual(['begin ROSTER_LATE']);
    expect(acme.messages.at(-1)).toMatchObject({
      platform: null,
      summary: expect.stringMatching(/roster/i),
      nextStep: expect.stringContaining('rollcall resync'),
    });
  });

  it('says so no more once a fresh one came, and nothing at all when it comes in time', async () => {
    await acme.export(people(31));
    await acme.run();
    expect(acme.heard()).toEqual(['end ROSTER_LATE']);

    const wednesdayMs = tuesdayMs + 24 * hourMs;
    world.clock.nowMs = wednesdayMs;
    await slotWaits(wednesdayMs);
    world.clock.nowMs = wednesdayMs + hourMs;
    await acme.export(people(32));
    await lookAgain();
    await runEnds(wednesdayMs);
    expect(await newest()).toMatchObject({ status: 'applied', notes: [] });
    expect(acme.heard()).toEqual([]);
  });

  it('keeps its deadline when the schedule has slots in between: they wait with it, and none is lost', async () => {
    const thursdayMs = tuesdayMs + 48 * hourMs;
    world.clock.nowMs = thursdayMs;
    await slotWaits(thursdayMs);
    for (const minutes of [30, 60]) {
      world.clock.nowMs = thursdayMs + minutes * minuteMs;
      const job = await request(world.clock.nowMs);
      expect(await world.engine.result(job, { signal: AbortSignal.timeout(20_000) })).toEqual({
        replaced: true,
      });
      await lookAgain();
      await until('the first to wait again', waitsInQueue);
      expect(acme.heard()).toEqual([]);
    }
    expect(await newest()).toMatchObject({ slot_ms: thursdayMs, status: 'waiting' });
    world.clock.nowMs = thursdayMs + 90 * minuteMs;
    await lookAgain();
    await runEnds(thursdayMs);
    expect(acme.heard()).toEqual(['begin ROSTER_LATE']);
  });
});
