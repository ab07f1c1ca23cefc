import { claimTenants, newcomerWarning } from '../actions/claims.ts';
import type { CustomerConfig } from '../config.ts';
import { RollcallError } from '../errors.ts';
import { type Customer, createCustomer } from '../jobs/customer.ts';
import type { Engine, EngineOptions } from '../jobs/service/engine.ts';
import { createJobDeps } from '../jobs/service/job-deps.ts';
import { createPacer } from '../jobs/pace/pacer.ts';
import type { Queues } from '../jobs/queue/queues.ts';
import { createPostgresSlots, type SlotSource } from '../jobs/pace/slots.ts';
import { patience } from '../providers/rate-limit.ts';
import { inboxOf, sweepInbox } from '../roster/index.ts';
import { providerRegistry, providers } from '../providers/registry.ts';
import { openEmbedded, openPostgres } from '../store/database.ts';
import { createStore, type Store } from '../store/store.ts';
import type { Cli, OpenedService, ParsedArguments } from './context.ts';
import { createFilesReader, type FilesReader } from './customer-files.ts';
import { createWaitNotice } from './wait-notice.ts';

const defaultFile = 'rollcall.yaml';
/** Commands that perform runs themselves: on a shared queue they leave other customers' requests to the service. */
const commandsWithWorkers: ReadonlySet<string> = new Set(['sync', 'approve', 'undo']);
/** Commands that need every secret; to others one that is not set matters when they come to need it. */
const needSecrets: ReadonlySet<string> = new Set(['start', 'check']);

/**
 * Commands that ask the store alone: they reach neither the queue nor a platform, and do without the packages behind those.
 */
const storeAlone: ReadonlySet<string> = new Set([
  'status',
  'schedule',
  'runs',
  'show',
  'explain',
  'review',
  'pause',
  'resume',
  'cancel',
  'tokens',
]);

/** What a command has to have of its secrets before it begins. */
export function secretsFor(command: string): 'required' | 'later' {
  return needSecrets.has(command) ? 'required' : 'later';
}

/** How long requests in flight may take when a command ends or is interrupted. */
const drainMs = 10_000;

/** A reader of the files that the arguments name. */
export function filesReader(
  cli: Cli,
  args: ParsedArguments,
  secrets: 'required' | 'later' = 'required',
): FilesReader {
  const files = args.texts('config').length === 0 ? [defaultFile] : args.texts('config');
  const operatorFile = args.text('operator');
  return createFilesReader(files, { registry: providerRegistry, env: cli.env, secrets, operatorFile });
}

/** The one configuration of a command that works on one customer. */
export async function loadOne(cli: Cli, args: ParsedArguments, secrets: 'required' | 'later' = 'required') {
  const { customers: loaded } = await filesReader(cli, args, secrets).read();
  for (const one of loaded) if ('error' in one) throw one.error;
  const [first, ...rest] = loaded;
  if (first === undefined || !('config' in first))
    throw new RollcallError('USAGE', 'no configuration file given.');
  if (rest.length > 0)
    throw new RollcallError(
      'USAGE',
      'this command works on one configuration file at a time; name it with -c.',
    );
  return first.config;
}

/** Opens the store of a customer: PostgreSQL if there is an address, else the embedded one in its data directory. */
export async function openStore(cli: Cli, dataDir: string, command: string): Promise<Store> {
  const database =
    cli.databaseUrl === undefined
      ? await openEmbedded(dataDir, command)
      : await openPostgres(cli.databaseUrl);
  return createStore(database, cli.now);
}

/** How several configurations are opened. */
export type OpenOptions = {
  /** Takes the error of a configuration that cannot be used, so that the others go on; without it, it is thrown. */
  readonly onBroken?: (file: string, error: RollcallError) => void;
  /** Refuses a customer by throwing. */
  readonly check?: (customer: Customer) => void;
  /** Opens the queue for a command that does without it too: others go on with what it opened. */
  readonly withQueue?: boolean;
};

/** Opens store, queues and engine for one or several customers that share them. */
export async function openAll(
  cli: Cli,
  configs: readonly CustomerConfig[],
  command: string,
  lenient: OpenOptions = {},
): Promise<OpenedService> {
  const dataDirs = new Set(configs.map((config) => config.dataDir));
  const [dataDir] = dataDirs;
  if (dataDir === undefined) throw new RollcallError('USAGE', 'no configuration file given.');
  if (dataDirs.size > 1 && cli.databaseUrl === undefined) {
    throw new RollcallError(
      'CONFIG_INVALID',
      `the files name ${dataDirs.size} different dataDir, and one process opens one embedded database.`,
      {
        hint: 'Give all of them the same dataDir (customers are kept apart inside), or set DATABASE_URL.',
      },
    );
  }
  // What a process that was killed left of a roster from elsewhere, whatever the source is now.
  await Promise.all([...dataDirs].map((folder) => sweepInbox(inboxOf(folder))));
  const store = await openStore(cli, dataDir, command);
  let opened: Queues | undefined;
  try {
    const parts =
      storeAlone.has(command) && lenient.withQueue !== true ? withoutQueue : await withQueue(cli, store);
    const { queues } = parts;
    opened = queues;
    const slots: SlotSource = parts.slots ?? createPostgresSlots(store.pacers);
    const known: Customer[] = [];
    const tellWait = createWaitNotice(cli, command, () =>
      known.flatMap(({ platforms }) => [...platforms.values()]),
    );
    const pacer = createPacer(slots, {
      onWait: tellWait,
      ...(cli.limits === undefined ? {} : { limits: cli.limits }),
      onPause: (group, pauseMs) => {
        store.pacers
          .noteAsked(group, Math.ceil(cli.now() + pauseMs))
          .catch((error: unknown) => cli.log.warn({ err: error }, 'a pause of a platform was not noted'));
      },
    });
    const { giveUpAfterMs } = cli.limits ?? patience;
    const build = (config: CustomerConfig): Customer =>
      createCustomer(config, {
        providers,
        pacer,
        log: cli.log,
        giveUpAfterMs,
        ...(cli.retryBaseMs === undefined ? {} : { retryBaseMs: cli.retryBaseMs }),
      });
    const customers = configs.flatMap((config): Customer[] => {
      try {
        const customer = build(config);
        lenient.check?.(customer);
        return [customer];
      } catch (error) {
        if (lenient.onBroken === undefined || !(error instanceof RollcallError)) throw error;
        lenient.onBroken(config.file, error);
        return [];
      }
    });
    known.push(...customers);
    const kept = await keepToTheirTenants(cli, store, customers, command, lenient);
    const engine = parts.createEngine({
      role: commandsWithWorkers.has(command) ? 'command' : 'service',
      customers: kept,
      store,
      queues,
      log: cli.log,
      now: cli.now,
      giveUpAfterMs,
      ...(cli.batchBackoffMs === undefined ? {} : { batchBackoffMs: cli.batchBackoffMs }),
    });
    const [customer] = kept;
    if (customer === undefined) {
      throw new RollcallError('CONFIG_INVALID', 'none of the configuration files can be used.');
    }
    return {
      customers: kept,
      customer,
      build,
      pacer,
      dataDir,
      actor: cli.user ?? 'command',
      store,
      queues,
      engine,
      close: async () => {
        await engine.drain(drainMs);
        await queues.close();
        await store.database.close();
      },
    };
  } catch (error) {
    await opened?.close();
    await store.database.close();
    throw error;
  }
}

/** The queue's side of what a command works with. */
type QueueParts = {
  readonly queues: Queues;
  /** Where requests take their slots; null for the store. */
  readonly slots: SlotSource | null;
  readonly createEngine: (options: EngineOptions) => Engine;
};

/** Loaded here, and not by a command that does without it: BullMQ and Redis are half of all that a command loads. */
async function withQueue(cli: Cli, store: Store): Promise<QueueParts> {
  const [{ openQueues }, { createEngine }] = await Promise.all([
    import('../jobs/queue/queues.ts'),
    import('../jobs/service/engine.ts'),
  ]);
  const queues = await openQueues({ database: store.database, redisUrl: cli.redisUrl, log: cli.log });
  if (queues.redis === null) return { queues, slots: null, createEngine };
  const { createRedisSlots } = await import('../jobs/pace/slots-redis.ts');
  return { queues, slots: createRedisSlots(queues.redis), createEngine };
}

function noQueue(): never {
  throw new Error('this command opens no queue');
}

const withoutQueue: QueueParts = {
  queues: new Proxy({ close: async () => undefined } as Queues, {
    get: (target, key) => (key === 'close' ? target.close : noQueue()),
  }),
  slots: null,
  createEngine: (options) => ({
    deps: createJobDeps({
      ...options,
      customers: new Map(options.customers.map((customer) => [customer.name, customer])),
      begunWith: new Map(),
      batchBackoffMs: 0,
      draining: new AbortController().signal,
    }),
    start: noQueue,
    configure: noQueue,
    sweep: noQueue,
    request: noQueue,
    result: noQueue,
    drain: async () => undefined,
  }),
};

/** Commands that write to platforms. */
const writing: ReadonlySet<string> = new Set(['start', 'sync', 'approve', 'undo']);

/**
 * The customers whose tenants are theirs; says who is new here, besides `present`. Throws, or tells `onBroken`, for the
 * others.
 */
export async function keepToTheirTenants(
  cli: Cli,
  store: Store,
  customers: readonly Customer[],
  command: string,
  { onBroken }: OpenOptions,
  present: readonly string[] = [],
): Promise<readonly Customer[]> {
  const names = [...present, ...customers.map(({ name }) => name)];
  const kept: Customer[] = [];
  for (const customer of customers) {
    const { config } = customer;
    try {
      // Whose tenants they are cannot be told without their credentials.
      const warning = config.unset !== undefined ? null : await newcomerWarning(store, config, names);
      if (warning !== null) {
        cli.log.warn({ customer: customer.name, file: config.file }, warning);
        cli.err.write(`rollcall: ${warning}\n`);
      }
      if (writing.has(command)) await claimTenants(store, config, providerRegistry, cli.now());
      kept.push(customer);
    } catch (error) {
      const refused = error instanceof RollcallError && error.code === 'CONFIG_DUPLICATE_TENANT';
      // A store that is out of reach is met by whoever needs it, and must not keep a service from telling on-call.
      if (!refused) {
        cli.log.error({ customer: customer.name, err: error }, 'tenants could not be claimed');
        kept.push(customer);
      } else if (onBroken === undefined) throw error;
      else onBroken(config.file, error);
    }
  }
  return kept;
}
