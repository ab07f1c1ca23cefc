import { onTestFinished } from 'vitest';
import { createService, type Service, type ServiceOptions } from '../../src/jobs/service/service.ts';
import { type Company, platformName } from './harness.ts';
import { until } from './until.ts';

/** A service on the company, at its clock, that has yet to be started; it is stopped after the test. */
export async function serviceOn(company: Company, instead: Partial<ServiceOptions> = {}): Promise<Service> {
  const { store, queues, engine } = await company.opened();
  const service = createService({
    store,
    queues,
    engine,
    log: engine.deps.log,
    now: company.clock.now,
    ...instead,
  });
  onTestFinished(() => service.stop(5_000));
  return service;
}

/** A service on the company, at its clock, until the test ends. */
export async function serve(company: Company): Promise<Service> {
  const service = await serviceOn(company);
  await service.start();
  return service;
}

/** What is made of the schedule's slots, which are given as times (ISO 8601). */
export async function slotsOf(company: Company) {
  const { store, queues } = await company.opened();
  const newest = async () =>
    (await store.runs.list({ customer: 'harbour', platform: platformName, limit: 1 }))[0];
  return {
    newest,
    /** Until the slot's run waits for its roster, and whatever else has to be so. */
    waiting: (slot: string, also: () => boolean = () => true) =>
      until(`the run of ${slot} to wait`, async () => {
        const run = await newest();
        return (
          run?.slot_ms === Date.parse(slot) &&
          run.status === 'waiting' &&
          also() &&
          (await queues.sync.getDelayedCount()) === 1
        );
      }),
    /** The slot's run, once it has ended. */
    ended: async (slot: string) => {
      await until(`the run of ${slot} to end`, async () => {
        const run = await newest();
        return run?.slot_ms === Date.parse(slot) && run.ended_ms !== null;
      });
      return newest();
    },
    /** What waits looks again now, and not when its time has come. */
    lookAgain: async () => {
      for (const job of await queues.sync.getDelayed()) await job.promote();
    },
  };
}
