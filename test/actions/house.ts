import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { scimToken, startScim } from '../../sandbox/scim/index.ts';
import type { ScimState } from '../../sandbox/scim/state.ts';
import type { Sandbox } from '../../sandbox/server.ts';
import { sparkwiseApiKey, startSparkwise } from '../../sandbox/sparkwise/index.ts';
import type { SparkwiseState } from '../../sandbox/sparkwise/state.ts';
import { parseArguments } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import type { Cli } from '../../src/cli/context.ts';
import type { RunReport } from '../../src/actions/run-report.ts';
import { loadConfig } from '../../src/config.ts';
import { RollcallError } from '../../src/errors.ts';
import { type Customer, createCustomer } from '../../src/jobs/customer.ts';
import { createEngine, type Engine } from '../../src/jobs/service/engine.ts';
import { createPacer } from '../../src/jobs/pace/pacer.ts';
import { openQueues, type Queues } from '../../src/jobs/queue/queues.ts';
import { createLocalSlots } from '../../src/jobs/pace/slots.ts';
import { createLog } from '../../src/log.ts';
import { providerRegistry, providers } from '../../src/providers/registry.ts';
import { openEmbedded } from '../../src/store/database.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { makeDataDir } from '../support/template.ts';

/** One row of a made-up roster. */
export type Row = {
  readonly id: string;
  readonly first?: string;
  readonly last?: string;
  readonly email?: string;
  readonly department?: string;
  readonly status?: string;
};

/** What a command came to. `code`: the code of the error that it ended with. */
export type Outcome = {
  readonly exit: number;
  readonly out: string;
  readonly code: string | null;
  readonly message: string;
};

/** A customer with a roster file and one platform, `academy` (Sparkwise) or `directory` (SCIM). */
export type World = {
  readonly customer: Customer;
  readonly sandbox: Sandbox;
  readonly roster: (rows: readonly Row[]) => Promise<void>;
  readonly run: (name: string, ...args: readonly string[]) => Promise<Outcome>;
  readonly json: <T = Record<string, unknown>>(
    name: string,
    ...args: readonly string[]
  ) => Promise<T & { exit: number }>;
  /** One sync, as `--json` reports it. */
  readonly sync: () => Promise<RunReport & { exit: number }>;
};

export type House = {
  readonly store: Store;
  readonly queues: Queues;
  readonly engine: () => Engine;
  /** Moves all clocks on. */
  readonly later: (ms: number) => void;
  readonly now: () => number;
  readonly sparkwise: (name: string, extra?: Extra) => Promise<World & { readonly state: SparkwiseState }>;
  readonly scim: (
    name: string,
    extra?: Extra & { groups?: readonly string[] },
  ) => Promise<World & { readonly state: ScimState }>;
  readonly close: () => Promise<void>;
};

/** More of a customer's configuration. */
export type Extra = {
  readonly config?: Record<string, unknown>;
  readonly platform?: Record<string, unknown>;
};

/** An embedded store that several customers share, each with its own sandbox. The clock is driven. */
export async function openHouse(): Promise<House> {
  const dir = await mkdtemp(join(tmpdir(), 'rollcall-decisions-'));
  const log = createLog({ level: 'silent', destination: { write: () => undefined } });
  const dataDir = join(dir, 'data');
  await makeDataDir(dataDir);
  let aheadMs = 0;
  const now = (): number => Date.now() + aheadMs;
  const store = createStore(await openEmbedded(dataDir, 'test'), now);
  const queues = await openQueues({ database: store.database, redisUrl: undefined, log });
  const customers: Customer[] = [];
  const sandboxes: Sandbox[] = [];
  let engine: Engine | undefined;
  const pacer = createPacer(createLocalSlots());
  const theEngine = (): Engine => {
    engine ??= createEngine({ customers, store, queues, log, now });
    return engine;
  };

  async function world(
    name: string,
    platform: string,
    block: Record<string, unknown>,
    sandbox: Sandbox,
    extra: Extra,
  ): Promise<World> {
    if (engine !== undefined) throw new Error('all customers have to be there before the first command');
    sandboxes.push(sandbox);
    const csv = join(dir, `${name}.csv`);
    const file = join(dir, `${name}.yaml`);
    await writeFile(
      file,
      JSON.stringify({
        customer: name,
        dataDir,
        roster: {
          source: csv,
          columns: {
            id: 'Id',
            firstName: 'First',
            lastName: 'Last',
            email: 'Email',
            department: 'Department',
            status: 'Status',
          },
          state: [
            { is: 'terminated', when: 'person.status == "Left"' },
            { is: 'leave', when: 'person.status == "Leave"' },
            { is: 'active', when: 'person.status == "Active"' },
          ],
          maxRejected: '50%',
        },
        platforms: { [platform]: { ...block, mode: 'full', rate: '1000/s', ...extra.platform } },
        ...extra.config,
      }),
    );
    const config = await loadConfig(file, { registry: providerRegistry, env: {} });
    const customer = createCustomer(config, { providers, pacer, log, retryBaseMs: 20 });
    customers.push(customer);

    async function run(command: string, ...args: readonly string[]): Promise<Outcome> {
      const load = commands[command];
      if (load === undefined) throw new Error(`no command ${command}`);
      let out = '';
      const cli: Cli = {
        out: new Writable({
          write: (chunk, _encoding, done) => {
            out += String(chunk);
            done();
          },
        }),
        err: new Writable({ write: (_chunk, _encoding, done) => done() }),
        isTerminal: false,
        env: { USER: 'jo' },
        redisUrl: undefined,
        databaseUrl: undefined,
        log,
        signal: new AbortController().signal,
        now,
        ask: async () => false,
      };
      const opened = {
        customers,
        customer,
        actor: 'command',
        store,
        queues,
        engine: theEngine(),
        close: async () => undefined,
      };
      try {
        const found = await load();
        const exit = await found.run(cli, parseArguments(command, found, args), async () => opened);
        return { exit, out, code: null, message: '' };
      } catch (error) {
        if (!(error instanceof RollcallError)) throw error;
        return {
          exit: error.exitCode,
          out,
          code: error.code,
          message: `${error.message} ${error.hint ?? ''}`,
        };
      }
    }

    async function json<T>(command: string, ...args: readonly string[]): Promise<T & { exit: number }> {
      const { exit, out, code, message } = await run(command, ...args, '--json');
      if (code !== null) throw new Error(`${command} ended with ${code}: ${message}`);
      return { ...(JSON.parse(out) as T), exit };
    }

    return {
      customer,
      sandbox,
      roster: (rows) =>
        writeFile(
          csv,
          `Id,First,Last,Email,Department,Status\n${rows
            .map((row) =>
              [
                row.id,
                row.first ?? `First${row.id}`,
                row.last ?? `Last${row.id}`,
                row.email ?? `p${row.id.toLowerCase()}@example.com`,
                row.department ?? 'Stores',
                row.status ?? 'Active',
              ].join(','),
            )
            .join('\n')}\n`,
        ),
      run,
      json,
      sync: async () => {
        const { runs, exit } = await json<{ runs: RunReport[] }>('sync');
        const [only] = runs;
        if (only === undefined) throw new Error('no run');
        return { ...only, exit };
      },
    };
  }

  return {
    store,
    queues,
    engine: theEngine,
    later: (ms) => {
      aheadMs += ms;
    },
    now,
    sparkwise: async (name, extra = {}) => {
      const { sandbox, state } = await startSparkwise();
      const block = { provider: 'sparkwise', baseUrl: sandbox.url, apiKey: sparkwiseApiKey };
      return { ...(await world(name, 'academy', block, sandbox, extra)), state };
    },
    scim: async (name, { groups = [], ...extra } = {}) => {
      const { sandbox, state, baseUrl } = await startScim({
        groups: groups.map((displayName) => ({ id: displayName, displayName })),
      });
      const block = { provider: 'scim', baseUrl, token: scimToken };
      return { ...(await world(name, 'directory', block, sandbox, extra)), state };
    },
    close: async () => {
      await engine?.drain(5_000);
      await queues.close();
      await store.database.close();
      await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** People `1` to `count`, the first `left` of them gone. */
export function crowd(count: number, left = 0): Row[] {
  return Array.from({ length: count }, (_, at) => ({
    id: String(1_001 + at),
    ...(at < left ? { status: 'Left' } : {}),
  }));
}
