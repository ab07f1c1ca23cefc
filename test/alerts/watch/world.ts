import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pagerdutyReceiver, type Receiver, webhookReceiver } from '../../../sandbox/receivers/index.ts';
import { type Sandbox, startSandbox } from '../../../sandbox/server.ts';
import type { AlertChannelConfig } from '../../../src/config/schema.ts';
import { loadConfig } from '../../../src/config.ts';
import { type Alerting, type AlertingOptions, createAlerting } from '../../../src/alerts/watch/alerting.ts';
import { type Customer, createCustomer } from '../../../src/jobs/customer.ts';
import { createEngine, type Engine } from '../../../src/jobs/service/engine.ts';
import { createPacer } from '../../../src/jobs/pace/pacer.ts';
import { openQueues, type Queues } from '../../../src/jobs/queue/queues.ts';
import { createLocalSlots } from '../../../src/jobs/pace/slots.ts';
import { createLog } from '../../../src/log.ts';
import { providerRegistry, providers } from '../../../src/providers/registry.ts';
import { type Database, openEmbedded } from '../../../src/store/database.ts';
import type { Run } from '../../../src/store/run-lookups.ts';
import type { RunTrigger } from '../../../src/store/schema.ts';
import { createStore, type Store } from '../../../src/store/store.ts';
import { columns, people, type Row, toCsv } from '../../support/company.ts';
import { makeDataDir } from '../../support/template.ts';

/** The time at which a world begins: a Monday, after the night's runs. */
export const mondayMs = Date.parse('2026-03-02T06:00:00Z');
export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** One message as the signed webhook has it. */
export type Message = {
  readonly event: string;
  readonly kind: string;
  readonly key: string;
  readonly platform: string | null;
  readonly severity: string;
  readonly summary: string;
  readonly notDone: string | null;
  readonly nextStep: string | null;
  readonly runId: string | null;
  readonly details: Readonly<Record<string, unknown>>;
};

/** A customer of a world: its export, its configuration, and what its on-call heard. */
export type TestCustomer = {
  readonly name: string;
  /** What a signed webhook was sent, oldest first. */
  readonly messages: readonly Message[];
  /** `begin RUN_FAILED`, `end RUN_FAILED`: what was heard since the last call. */
  readonly heard: () => readonly string[];
  readonly rosterFile: string;
  /** Writes the export, as new as the clock says. */
  readonly export: (rows: readonly Row[] | string, options?: { readonly ageMs?: number }) => Promise<void>;
  /** One run of a platform to its end, a minute later; on-call has heard of it. */
  readonly run: (platform?: string, trigger?: RunTrigger) => Promise<Run>;
  /** Looks at the customer without a run. */
  readonly look: () => Promise<void>;
};

export type CustomerSpec = {
  readonly platforms: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly roster?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
  /** Reminders; without it none. */
  readonly remindAfter?: string;
  /** Channels besides the signed webhook. */
  readonly channels?: readonly AlertChannelConfig[];
};

export type World = {
  readonly clock: { nowMs: number };
  readonly store: Store;
  readonly engine: Engine;
  readonly alerting: Alerting;
  readonly logged: () => string;
  readonly customer: (name: string) => TestCustomer;
  readonly close: () => Promise<void>;
};

export const webhookSecret = 'a secret of thirty-two characters';
/** A Sparkwise block for tests: as fast as it goes. */
export const sparkwise = (sandbox: { sandbox: Sandbox; apiKey: string }, more: object = {}) => ({
  provider: 'sparkwise',
  mode: 'full',
  baseUrl: sandbox.sandbox.url,
  apiKey: sandbox.apiKey,
  rate: '1000/s',
  ...more,
});

/** Customers on one embedded store and one driven clock, with a strict receiver each. */
export async function openWorld(
  specs: Readonly<Record<string, CustomerSpec>>,
  options: {
    readonly database?: Database;
    readonly queues?: (database: Database) => Promise<Queues>;
    readonly alerting?:
      | Omit<AlertingOptions, 'deps'>
      | ((parts: { store: Store; queues: Queues }) => Omit<AlertingOptions, 'deps'>);
    readonly clock?: { nowMs: number };
  } = {},
): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-alerting-'));
  const clock = options.clock ?? { nowMs: mondayMs };
  const lines: string[] = [];
  const log = createLog({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } });
  const dataDir = join(folder, 'data');
  if (options.database === undefined) await makeDataDir(dataDir);
  const database = options.database ?? (await openEmbedded(dataDir, 'test'));
  const store = createStore(database, () => clock.nowMs);
  const queues = await (options.queues?.(database) ?? openQueues({ database, redisUrl: undefined, log }));
  const pacer = createPacer(createLocalSlots());
  const receivers = new Map<
    string,
    { receiver: Receiver<Readonly<Record<string, unknown>>[]>; server: Sandbox }
  >();
  const customers: Customer[] = [];
  for (const [name, spec] of Object.entries(specs)) {
    const receiver = webhookReceiver(webhookSecret);
    const server = await startSandbox(receiver);
    receivers.set(name, { receiver, server });
    const home = join(folder, name);
    await mkdir(home, { recursive: true });
    const file = join(home, 'rollcall.yaml');
    // JSON is YAML.
    await writeFile(
      file,
      JSON.stringify({
        customer: name,
        dataDir,
        roster: {
          source: join(home, 'roster.csv'),
          columns: {
            id: columns.id,
            email: columns.email,
            firstName: columns.firstName,
            lastName: columns.lastName,
            department: columns.department,
            status: columns.status,
            previousId: columns.previousId,
          },
          attributes: [columns.location],
          state: [
            { is: 'terminated', when: 'person.status == "Left"' },
            { is: 'active', when: 'person.status == "Active"' },
          ],
          ...spec.roster,
        },
        platforms: spec.platforms,
        alerts: {
          remindAfter: spec.remindAfter ?? '0s',
          channels: [
            { type: 'webhook', url: `${server.url}/alerts`, secret: webhookSecret },
            ...(spec.channels ?? []),
          ],
        },
        ...spec.config,
      }),
    );
    const config = await loadConfig(file, { registry: providerRegistry, env: {} });
    customers.push(createCustomer(config, { providers, pacer, log, retryBaseMs: 20 }));
  }
  const engine = createEngine({
    customers,
    store,
    queues,
    log,
    now: () => clock.nowMs,
  });
  const given = options.alerting;
  const alerting = createAlerting({
    deps: engine.deps,
    // Rounds are driven; a channel that fails is not waited for.
    tickMs: 3_600_000,
    retry: { attempts: 2, baseMs: 1, sleep: async () => undefined },
    ...(typeof given === 'function' ? given({ store, queues }) : given),
  });
  await engine.start();
  alerting.start();

  const testCustomers = new Map<string, TestCustomer>();
  function customerOf(name: string): TestCustomer {
    const one = testCustomers.get(name) ?? createTestCustomer(name);
    testCustomers.set(name, one);
    return one;
  }

  function createTestCustomer(name: string): TestCustomer {
    const known = receivers.get(name);
    if (known === undefined) throw new Error(`no customer ${name}`);
    const rosterFile = join(folder, name, 'roster.csv');
    let heardUntil = 0;
    const messages = known.receiver.state as unknown as readonly Message[];
    const write = async (rows: readonly Row[] | string, ageMs: number): Promise<void> => {
      await writeFile(rosterFile, typeof rows === 'string' ? rows : toCsv(rows));
      const seconds = (clock.nowMs - ageMs) / 1_000;
      await utimes(rosterFile, seconds, seconds);
    };
    return {
      name,
      messages,
      rosterFile,
      heard: () => {
        const fresh = messages.slice(heardUntil).map(({ event, kind }) => `${event} ${kind}`);
        heardUntil = messages.length;
        return fresh;
      },
      export: (rows, { ageMs = minuteMs } = {}) => write(rows, ageMs),
      run: async (platform = 'academy', trigger = 'command') => {
        clock.nowMs += minuteMs;
        const job = await engine.request({
          customer: name,
          platform,
          trigger,
          actor: null,
          ...(trigger === 'schedule' ? { slotMs: clock.nowMs } : {}),
        });
        const result = await engine.result(job, { signal: AbortSignal.timeout(20_000) });
        if (!('run' in result)) throw new Error(`no run: ${JSON.stringify(result)}`);
        await quiet(alerting);
        return result.run;
      },
      look: async () => {
        await alerting.evaluate(name);
        await quiet(alerting);
      },
    };
  }

  return {
    clock,
    store,
    engine,
    alerting,
    logged: () => lines.join(''),
    customer: customerOf,
    close: async () => {
      await alerting.stop();
      await engine.drain(5_000);
      await queues.close();
      await database.close();
      for (const { server } of receivers.values()) await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until on-call has heard everything; more than the promised ten seconds is a failure. */
async function quiet(alerting: Alerting): Promise<void> {
  if (!(await alerting.settled(10_000))) throw new Error('on-call was not told within 10 s');
}

/** A PagerDuty receiver with its server and channel. */
export async function startPagerduty() {
  const routingKey = 'r'.repeat(32);
  const receiver = pagerdutyReceiver(routingKey);
  const server = await startSandbox(receiver);
  const channel: AlertChannelConfig = { type: 'pagerduty', routingKey, url: server.url };
  return { receiver, server, channel };
}

/** What must never be in a message: the names and emails of a company's people. */
export function personal(rows: readonly Row[] = people(60)): readonly string[] {
  return rows.flatMap((row) => [row.email, row.lastName]);
}
