import { formatError, RollcallError } from '../../errors.ts';
import { createAlerting } from '../../alerts/watch/alerting.ts';
import { createService } from '../../jobs/service/service.ts';
import { scheduleOf } from '../../jobs/service/upcoming.ts';
import { createControlServer } from '../../web/server.ts';
import { controlSettingsOf } from '../../web/tokens.ts';
import type { Cli, Command, Opened, ParsedArguments } from '../context.ts';
import { startWatchdog } from '../watchdog.ts';
import { loadCustomers, openAll } from '../open.ts';
import { usages } from '../usages.ts';

/** How long requests in flight may take when the service is told to stop. Less than the 30 s that most managers give. */
const stopDeadlineMs = 25_000;
/** How long connections may take to close after that. */
const closeDeadlineMs = 2_000;
/** How long alert messages that are on their way may take then. */
const alertingDeadlineMs = 3_000;

/** `rollcall start`: the unattended service. */
export const start: Command = {
  ...usages.start,
  options: {},
  does: 'act',
  run: async (cli, args) => {
    const opened = await openUsable(cli, args);
    try {
      await serve(cli, opened);
    } catch (error) {
      await opened.close();
      throw error;
    }
    // Drained already. What did not end within the deadline may hold connections, and is not waited for again.
    const closed = opened.queues.close().then(() => opened.store.database.close());
    await Promise.race([closed.catch(() => undefined), pause(closeDeadlineMs)]);
    return 0;
  },
};

/** Opens every customer whose file can be used; says loudly which cannot. Throws when none can. */
async function openUsable(cli: Cli, args: ParsedArguments): Promise<Opened> {
  const loaded = await loadCustomers(cli, args);
  const onBroken = (file: string, error: RollcallError): void => {
    cli.log.error({ file, code: error.code, err: error }, 'a configuration file cannot be used');
    cli.err.write(`rollcall: ${file} is left out: ${formatError(error)}\n`);
  };
  const [only, ...others] = loaded;
  if (only !== undefined && others.length === 0 && 'error' in only) throw only.error;
  for (const one of loaded) if ('error' in one) onBroken(one.file, one.error);
  for (const one of loaded)
    if ('config' in one)
      for (const warning of one.config.warnings) {
        cli.log.warn({ customer: one.config.customer }, warning);
        if (cli.isTerminal) cli.err.write(`rollcall: warning: ${warning}\n`);
      }
  const configs = loaded.flatMap((one) => ('config' in one ? [one.config] : []));
  if (configs.length === 0)
    throw new RollcallError('CONFIG_INVALID', 'none of the configuration files can be used.');
  // A schedule that cannot be is as broken as any other key, and found before anything is opened.
  return openAll(cli, configs, 'start', {
    ...(configs.length === 1 ? {} : { onBroken }),
    check: (customer) => {
      for (const platform of customer.platforms.values()) scheduleOf(customer, platform);
    },
  });
}

/** Runs until it is told to stop, then drains. */
async function serve(cli: Cli, opened: Opened): Promise<void> {
  const { customers, store, queues, engine } = opened;
  const { log, now } = cli;
  const service = createService({ customers, store, queues, engine, log, now });

  // Alerting: told of runs that end here, and looks at everything else by itself.
  const alerting = createAlerting({ deps: engine.deps, health: async () => service.health() });

  const control = await createControlServer({
    ...controlSettingsOf(customers.map(({ name, config }) => ({ customer: name, control: config.control }))),
    customers,
    store,
    queues,
    engine,
    log,
    ...(cli.lostLogBytes === undefined ? {} : { lostLogBytes: cli.lostLogBytes }),
    now,
    nextRunMs: service.nextRunMs,
  });

  await service.start();
  alerting.start();
  const watchdog = startWatchdog({ env: cli.env, signs: service.health, log, now });

  log.info(
    {
      customers: customers.length,
      platforms: customers.reduce((sum, { platforms }) => sum + platforms.size, 0),
    },
    'service started',
  );
  if (cli.isTerminal)
    cli.out.write(`rollcall: running for ${customers.map(({ name }) => name).join(', ')}; Ctrl+C stops it\n`);
  await aborted(cli.signal);
  watchdog.stop();
  log.info({}, 'service stops: no new work, requests in flight end');
  await control.close();
  await service.stop(stopDeadlineMs);
  await alerting.stop(alertingDeadlineMs);
  log.info({}, 'service stopped');
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
