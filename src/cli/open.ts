import { loadConfigs } from '../config.ts';
import { RollcallError } from '../errors.ts';
import { type Customer, createCustomer } from '../jobs/customer.ts';
import { createEngine } from '../jobs/service/engine.ts';
import { createPacer } from '../jobs/pace/pacer.ts';
import { openQueues } from '../jobs/queue/queues.ts';
import { createEmbeddedSlots, createPostgresSlots, type SlotSource } from '../jobs/pace/slots.ts';
import { createRedisSlots } from '../jobs/pace/slots-redis.ts';
import { patience } from '../providers/rate-limit.ts';
import { providerRegistry, providers } from '../providers/registry.ts';
import { openEmbedded, openPostgres } from '../store/database.ts';
import { createStore, type Store } from '../store/store.ts';
import type { Cli, Opened, ParsedArguments } from './context.ts';

const defaultFile = 'rollcall.yaml';
/** Commands that perform runs themselves: on a shared queue they leave other customers' requests to the service. */
const commandsWithWorkers: ReadonlySet<string> = new Set(['sync', 'approve', 'undo']);
/** How long requests in flight may take when a command ends or is interrupted. */
const drainMs = 10_000;

/** The configurations that the arguments name. A broken one is thrown, unless others may go on without it. */
export async function loadCustomers(cli: Cli, args: ParsedArguments) {
  const files = args.texts('config').length === 0 ? [defaultFile] : args.texts('config');
  return loadConfigs(files, { registry: providerRegistry, env: cli.env });
}

/** The one configuration of a command that works on one customer. */
export async function loadOne(cli: Cli, args: ParsedArguments) {
  const loaded = await loadCustomers(cli, args);
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
  return createStore(database);
}

/** How several configurations are opened. */
export type OpenOptions = {
  /** Takes the error of a configuration that cannot be used, so that the others go on; without it, it is thrown. */
  readonly onBroken?: (file: string, error: RollcallError) => void;
  /** Refuses a customer by throwing. */
  readonly check?: (customer: Customer) => void;
};

/** Opens store, queues and engine for one or several customers that share them. */
export async function openAll(
  cli: Cli,
  configs: readonly Awaited<ReturnType<typeof loadOne>>[],
  command: string,
  lenient: OpenOptions = {},
): Promise<Opened> {
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
  const store = await openStore(cli, dataDir, command);
  try {
    const queues = await openQueues({ database: store.database, redisUrl: cli.redisUrl, log: cli.log });
    const slots: SlotSource =
      queues.redis !== null
        ? createRedisSlots(queues.redis)
        : store.database.kind === 'postgres'
          ? createPostgresSlots(store.pacers)
          : createEmbeddedSlots(store.pacers);
    const pacer = createPacer(slots, {
      ...(cli.limits === undefined ? {} : { limits: cli.limits }),
      onPause: (group, pauseMs) => {
        store.pacers
          .noteAsked(group, Math.ceil(cli.now() + pauseMs))
          .catch((error: unknown) => cli.log.warn({ err: error }, 'a pause of a platform was not noted'));
      },
    });
    const { giveUpAfterMs } = cli.limits ?? patience;
    const customers = configs.flatMap((config): Customer[] => {
      try {
        const customer = createCustomer(config, {
          providers,
          pacer,
          log: cli.log,
          giveUpAfterMs,
          ...(cli.retryBaseMs === undefined ? {} : { retryBaseMs: cli.retryBaseMs }),
        });
        lenient.check?.(customer);
        return [customer];
      } catch (error) {
        if (lenient.onBroken === undefined || !(error instanceof RollcallError)) throw error;
        lenient.onBroken(config.file, error);
        return [];
      }
    });
    const engine = createEngine({
      role: commandsWithWorkers.has(command) ? 'command' : 'service',
      customers,
      store,
      queues,
      log: cli.log,
      now: cli.now,
      giveUpAfterMs,
      ...(cli.batchBackoffMs === undefined ? {} : { batchBackoffMs: cli.batchBackoffMs }),
    });
    const [customer] = customers;
    if (customer === undefined) {
      await queues.close();
      throw new RollcallError('CONFIG_INVALID', 'none of the configuration files can be used.');
    }
    return {
      customers,
      customer,
      actor: 'command',
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
    await store.database.close();
    throw error;
  }
}
