import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { changeKinds } from '../change.ts';
import { operatorName } from '../config/unusable-file.ts';
import { platformStates } from './answers.ts';
import type { ControlWorld } from './world.ts';

/** How long a look at the store serves: several scrapers ask for the same. */
const freshMs = 5_000;

/** Numbers for Prometheus. */
export type Metrics = {
  readonly contentType: string;
  /** The process's own, and those of these customers. */
  readonly text: (customers: ReadonlySet<string>) => Promise<string>;
  readonly close: () => void;
};

/**
 * Metrics of a service. Counters count what this process did since it started; gauges are read from the store. Labels
 * name customer and platform, and never a person.
 */
export function createMetrics(world: ControlWorld): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const labels = ['customer', 'platform'] as const;
  const registers = [register];
  const runs = new Counter({
    name: 'rollcall_runs_total',
    help: 'Runs that ended, by status',
    labelNames: [...labels, 'status'],
    registers,
  });
  const changes = new Counter({
    name: 'rollcall_changes_total',
    help: 'Changes that were applied or failed, by kind',
    labelNames: [...labels, 'kind', 'outcome'],
    registers,
  });
  const requests = new Counter({
    name: 'rollcall_platform_requests_total',
    help: 'Requests to the platform, every attempt, by kind',
    labelNames: [...labels, 'kind'],
    registers,
  });
  const { lostLogBytes } = world;
  new Counter({
    name: 'rollcall_log_lost_bytes_total',
    help: 'Bytes of the log that could not be written',
    registers,
    collect() {
      this.reset();
      this.inc(lostLogBytes());
    },
  });
  const gauge = (name: string, help: string): Gauge =>
    new Gauge({ name, help, labelNames: [...labels], registers });
  const held = gauge('rollcall_held_runs', 'Runs that wait for a decision and have not expired');
  const heldChanges = new Gauge({
    name: 'rollcall_held_changes',
    help: 'Changes that wait for a decision, by kind',
    labelNames: [...labels, 'kind'],
    registers,
  });
  const managed = gauge('rollcall_managed_accounts', 'Accounts that are linked to a person');
  const lastGood = gauge('rollcall_last_good_run_timestamp_seconds', 'When the last good run ended');
  const paused = gauge('rollcall_paused', '1 while the platform is paused');
  new Gauge({
    name: 'rollcall_unusable_files',
    help: 'Files of customers that cannot be used: state is out (nothing is done) or kept (the last good configuration goes on)',
    labelNames: ['customer', 'state'],
    registers,
    collect() {
      const files = world.files();
      for (const state of ['out', 'kept'])
        this.set(
          { customer: operatorName, state },
          files.filter(({ keeps }) => keeps === (state === 'kept')).length,
        );
    },
  });
  const rosterGauge = (name: string, help: string): Gauge =>
    new Gauge({ name, help, labelNames: ['customer', 'part'], registers });
  const rosterWritten = rosterGauge(
    'rollcall_roster_timestamp_seconds',
    'When the roster that was read last was written; part is empty where it comes as one',
  );
  const rosterRows = rosterGauge('rollcall_roster_rows', 'Rows of the roster that was read last');
  const rosterComplete = rosterGauge(
    'rollcall_roster_complete',
    '1 where the roster that was read last proved that it is complete',
  );
  new Gauge({
    name: 'rollcall_trouble',
    help: 'What is wrong with the service itself, by the code that on-call is told: 1 while it lasts',
    labelNames: ['customer', 'code'],
    registers,
    collect() {
      this.reset();
      for (const { kind } of world.troubles()) this.set({ customer: operatorName, code: kind }, 1);
    },
  });
  new Gauge({
    name: 'rollcall_certificate_expiry_timestamp_seconds',
    help: 'When the certificate of a host ends, as it was last seen',
    labelNames: ['customer', 'host'],
    registers,
    collect() {
      this.reset();
      for (const { name, untilMs } of world.certificates())
        this.set({ customer: operatorName, host: name }, untilMs / 1_000);
    },
  });
  const depth = new Gauge({
    name: 'rollcall_queue_jobs',
    help: 'Jobs in the queue, by state',
    labelNames: ['queue', 'state'],
    registers,
  });

  const onRunEnded = (id: string): void => {
    world.store.runs
      .find(id)
      .then((run) => {
        if (run === undefined) return;
        const of = { customer: run.customer, platform: run.platform };
        runs.inc({ ...of, status: run.status });
        for (const kind of changeKinds) {
          if (run.applied[kind] > 0) changes.inc({ ...of, kind, outcome: 'applied' }, run.applied[kind]);
          if (run.failed[kind] > 0) changes.inc({ ...of, kind, outcome: 'failed' }, run.failed[kind]);
        }
        requests.inc({ ...of, kind: 'read' }, run.reads);
        requests.inc({ ...of, kind: 'write' }, run.writes);
      })
      .catch(() => world.log.warn({ run: id }, 'metrics: the run could not be counted'));
  };
  const { events } = world.engine.deps;
  events.on('runEnded', onRunEnded);

  let lookedMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | null = null;
  async function look(): Promise<void> {
    // Customers and platforms may have gone since.
    for (const one of [
      held,
      heldChanges,
      managed,
      lastGood,
      paused,
      rosterWritten,
      rosterRows,
      rosterComplete,
    ])
      one.reset();
    for (const customer of world.customers) {
      for (const state of await platformStates(world, customer)) {
        const of = { customer: state.customer, platform: state.platform };
        const waiting = state.held.filter(({ expired }) => !expired);
        held.set(of, waiting.length);
        for (const kind of changeKinds) {
          const count = waiting.reduce((sum, run) => sum + run.held[kind], 0);
          heldChanges.set({ ...of, kind }, count);
        }
        paused.set(of, state.paused === null ? 0 : 1);
        managed.set(of, state.managed);
        if (state.lastGood !== null) lastGood.set(of, Date.parse(state.lastGood.at) / 1_000);
      }
    }
    const names = world.customers.map(({ name }) => name);
    for (const { customer, part, modified_ms, rows, complete } of await world.store.overview.rosters(names)) {
      rosterWritten.set({ customer, part }, modified_ms / 1_000);
      rosterRows.set({ customer, part }, rows);
      rosterComplete.set({ customer, part }, complete ? 1 : 0);
    }
    for (const queue of [world.queues.sync, world.queues.batch]) {
      const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed');
      for (const [state, count] of Object.entries(counts)) depth.set({ queue: queue.name, state }, count);
    }
    lookedMs = performance.now();
  }

  return {
    contentType: register.contentType,
    text: async (customers) => {
      if (performance.now() - lookedMs > freshMs) {
        looking ??= look().finally(() => {
          looking = null;
        });
        await looking;
      }
      return seriesOf(await register.metrics(), customers);
    },
    close: () => {
      events.off('runEnded', onRunEnded);
      register.clear();
    },
  };
}

/** The series of the process and of these customers. Names of customers need no escapes in a label. */
export function seriesOf(text: string, customers: ReadonlySet<string>): string {
  return text
    .split('\n')
    .filter((line) => {
      const customer = /[{,]customer="([^"]*)"/.exec(line)?.[1];
      return line.startsWith('#') || customer === undefined || customers.has(customer);
    })
    .join('\n');
}
