import { EventEmitter } from 'node:events';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enterpriseSchema, isObject } from '../../sandbox/scim/attributes.ts';
import { startScim } from '../../sandbox/scim/index.ts';
import { workEmail } from '../../sandbox/scim/state.ts';
import { approveRun, rejectRun } from '../../src/actions/decisions.ts';
import { loadConfigs } from '../../src/config.ts';
import { processBatch } from '../../src/jobs/apply/batch.ts';
import { createCustomer } from '../../src/jobs/customer.ts';
import type { JobDeps } from '../../src/jobs/deps.ts';
import { createGate } from '../../src/jobs/gate.ts';
import { holdPlatform } from '../../src/jobs/lease/hold.ts';
import { instanceName } from '../../src/jobs/lease/instance.ts';
import { createRunOwners } from '../../src/jobs/run-owners.ts';
import { createPacer } from '../../src/jobs/pace/pacer.ts';
import { createPostgresSlots } from '../../src/jobs/pace/slots.ts';
import { performRun } from '../../src/jobs/run/perform.ts';
import { createLog } from '../../src/log.ts';
import { providerRegistry, providers } from '../../src/providers/registry.ts';
import type { Run } from '../../src/store/run-lookups.ts';
import type { Store } from '../../src/store/store.ts';
import type { PersonalField, TargetName } from './company.ts';
import { targetNames, targets } from './company.ts';
import type { Delivery } from './damage.ts';
import { type Dialect, rosterBlock } from './dialect.ts';
import type { Morning, Seen } from './truth.ts';

/** How the platform fails on a night. */
export type PlatformFault = 'read refused' | 'page lost' | 'write refused' | 'connection dropped';
export const platformFaults: readonly PlatformFault[] = [
  'read refused',
  'page lost',
  'write refused',
  'connection dropped',
];

/** The product with one customer and one platform, its nights driven from outside. What runs is the product's own code. */
export type World = {
  /** The run of a night, to its end, with its file delivered an hour before. */
  readonly night: (night: number, delivery: Delivery, fault: PlatformFault | null) => Promise<Run>;
  readonly approve: (run: Run) => Promise<Run>;
  /** Rejects what the run holds; the people it was about. */
  readonly reject: (run: Run) => Promise<readonly string[]>;
  readonly morning: () => Morning;
  readonly close: () => Promise<void>;
};

const firstNightMs = Date.parse('2026-01-05T02:00:00Z');
const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** The day of a night, as the roster's dates say it. */
export function dayOf(night: number): string {
  return new Date(firstNightMs + night * dayMs).toISOString().slice(0, 10);
}

export async function openWorld(
  store: Store,
  name: string,
  dialect: Dialect,
  roster: Readonly<Record<string, unknown>>,
  pageSize = 25,
): Promise<World> {
  const { sandbox, state, baseUrl, token } = await startScim({
    maxCount: pageSize,
    groups: targetNames.map((displayName, at) => ({ id: `group-${at}`, displayName })),
  });
  sandbox.setRate(0);
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-simulation-'));
  const file = join(folder, 'rollcall.yaml');
  const export_ = join(folder, 'roster.csv');
  await writeFile(file, JSON.stringify(configuration(name, dialect, roster, baseUrl, token)));
  const [loaded] = await loadConfigs([file], { registry: providerRegistry, env: {} });
  if (loaded === undefined || !('config' in loaded)) throw loaded?.error ?? new Error('no configuration');
  const log = createLog({ level: 'silent', destination: { write: () => undefined } });
  let nowMs = firstNightMs;
  const customer = createCustomer(loaded.config, {
    providers,
    pacer: createPacer(createPostgresSlots(store.pacers)),
    log,
    retryBaseMs: 1,
  });
  const platform = customer.platforms.get(platformName);
  if (platform === undefined) throw new Error('no platform');
  const deps: JobDeps = {
    instance: instanceName(),
    customers: new Map([[customer.name, customer]]),
    store,
    queues: drivenQueues((job) => processBatch(deps, job as never, undefined)),
    log,
    now: () => nowMs,
    batchBackoffMs: 1,
    giveUpAfterMs: 1_000,
    ownerOf: createRunOwners(store),
    begunWith: new Map(),
    sending: new Set(),
    preparing: createGate(2),
    finishing: createGate(2),
    events: new EventEmitter(),
    draining: new AbortController().signal,
  };

  async function perform(run: Readonly<Record<string, unknown>> & { readonly run: string }): Promise<Run> {
    const data = {
      customer: customer.name,
      platform: platformName,
      trigger: 'schedule',
      actor: null,
      slotMs: null,
      approval: null,
      person: null,
      undoes: null,
      ...run,
    };
    if (platform === undefined) throw new Error('no platform');
    const hold = await holdPlatform(deps, customer, platform, run.run);
    if (hold === null) throw new Error('somebody else has the platform');
    await performRun(deps, customer, platform, data as never, hold, hold.lost).finally(hold.release);
    const ended = await store.runs.find(run.run);
    if (ended === undefined) throw new Error(`no run ${run.run}`);
    return ended;
  }

  function fail(fault: PlatformFault): void {
    const answer = { status: 500, json: { detail: 'out of order' } };
    switch (fault) {
      case 'read refused':
        sandbox.fail({ method: 'GET', path: /Users/, times: 20, effect: { do: 'answer', response: answer } });
        break;
      case 'page lost':
        sandbox.fail({
          method: 'GET',
          path: /Users/,
          skip: 1,
          times: 20,
          effect: {
            do: 'rewrite',
            rewrite: (response) =>
              isObject(response.json) ? { ...response, json: { ...response.json, Resources: [] } } : response,
          },
        });
        break;
      case 'write refused':
        sandbox.fail({ kind: 'write', times: 2, effect: { do: 'answer', response: answer } });
        break;
      case 'connection dropped':
        sandbox.fail({ kind: 'write', times: 1, effect: { do: 'drop', applied: true } });
        break;
    }
  }

  return {
    night: async (night, delivery, fault) => {
      nowMs = firstNightMs + night * dayMs;
      if (delivery.kind === 'file') {
        await writeFile(export_, delivery.bytes);
        const at = (nowMs - (delivery.ageMs ?? hourMs)) / 1_000;
        await utimes(export_, at, at);
      } else if (delivery.kind === 'gone') await rm(export_, { force: true });
      if (fault !== null) fail(fault);
      const run = await perform({ run: `${name}-${night}`, slotMs: nowMs });
      sandbox.clearFaults();
      sandbox.clearLog();
      return run;
    },
    approve: async (run) => {
      nowMs += hourMs;
      const engine = { request: async () => ({ id: 'simulation' }) };
      const { approval, run: next } = await approveRun({ deps, request: engine.request } as never, {
        customer,
        run: run.id,
        hash: run.hash ?? '',
        actor: 'reviewer',
        via: 'simulation',
      });
      return perform({ run: next, trigger: 'approval', actor: 'reviewer', approval: approval.id });
    },
    reject: async (run) => {
      const people: string[] = [];
      for await (const page of store.journal.changes(run.id, { disposition: 'held' }))
        people.push(...page.map(({ person }) => person));
      await rejectRun(deps, { customer, run: run.id, actor: 'reviewer', via: 'simulation' });
      return people;
    },
    morning: () => {
      const accounts = new Map<string, Seen>();
      const strangers: string[] = [];
      for (const user of state.users) {
        const id = user.externalId ?? '';
        if (id === '' || accounts.has(id)) strangers.push(`${user.userName} (${id})`);
        const name = isObject(user['name']) ? user['name'] : {};
        const enterprise = user[enterpriseSchema];
        const fields: Record<PersonalField, string> = {
          firstName: String(name['givenName'] ?? ''),
          lastName: String(name['familyName'] ?? ''),
          email: workEmail(user) ?? '',
          department: String((isObject(enterprise) ? enterprise['department'] : undefined) ?? ''),
          title: String(user['title'] ?? ''),
        };
        const enrolled = new Set<TargetName>();
        for (const group of state.groups.values())
          if (group.members.has(user.id) && group.displayName in targets)
            enrolled.add(group.displayName as TargetName);
        accounts.set(id, { id, active: user.active, fields, targets: enrolled });
      }
      return { accounts, strangers };
    },
    close: async () => {
      await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const platformName = 'library';

function configuration(
  customer: string,
  dialect: Dialect,
  roster: Readonly<Record<string, unknown>>,
  baseUrl: string,
  token: string,
) {
  return {
    customer,
    dataDir: './data',
    // Of thirty people a tenth leaves in an ordinary month.
    roster: { source: './roster.csv', maxShrink: '20%', ...rosterBlock(dialect), ...roster },
    platforms: {
      [platformName]: {
        provider: 'scim',
        baseUrl,
        token,
        mode: 'full',
        rate: '20000/s',
        fields: { title: 'person.attributes.JobTitle' },
        enrollments: [
          { target: 'Payment fraud', when: 'person.attributes.Cost == "FIN"' },
          { target: 'Warehouse safety', when: 'person.department == "Warehouse"' },
          { target: 'Cork evacuation', when: 'person.attributes.Site == "Cork"' },
        ],
      },
    },
  };
}

/** What is added to the queue is performed in this process at once, and again until it succeeds, as the queue would. */
function drivenQueues(perform: (job: object) => Promise<void>): JobDeps['queues'] {
  type Asked = {
    readonly data: object;
    readonly opts?: { readonly attempts?: number; readonly jobId?: string };
  };
  async function work({ data, opts = {} }: Asked): Promise<void> {
    const attempts = opts.attempts ?? 1;
    for (let made = 0; made < attempts; ) {
      let delayed = false;
      const job = {
        id: opts.jobId,
        data,
        opts,
        attemptsMade: made,
        moveToDelayed: async () => {
          delayed = true;
        },
      };
      try {
        await perform(job);
        return;
      } catch {
        if (!delayed) made++;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
  const batch = {
    addBulk: async (jobs: readonly Asked[]) => {
      for (const job of jobs) void work(job);
      return [];
    },
  };
  return { batch } as never;
}
