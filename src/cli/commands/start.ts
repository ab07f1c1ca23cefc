import { resolve } from 'node:path';
import { createAlerting } from '../../alerts/watch/alerting.ts';
import type { UnusableFile } from '../../config/unusable-file.ts';
import { formatError, RollcallError } from '../../errors.ts';
import { watchCertificates } from '../../jobs/service/certificates.ts';
import { createService } from '../../jobs/service/service.ts';
import { createVitals, diskRoom, memoryRoom, type Trouble } from '../../jobs/service/vitals.ts';
import { type ControlServer, createControlServer } from '../../web/server.ts';
import { controlSettingsOf } from '../../web/tokens.ts';
import type { Cli, Command, OpenedService, ParsedArguments } from '../context.ts';
import { followFiles, type Hangups, watchHangups } from '../follow-files.ts';
import {
  checkSchedules,
  createLiveCustomers,
  type LiveCustomersParts,
  unusableFile,
} from '../live-customers.ts';
import { filesReader, openAll } from '../open.ts';
import { usages } from '../usages.ts';
import { startWatchdog } from '../watchdog.ts';

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
    // Before anything else: a service that is still opening must not die of being told to look at its files.
    const hangups = watchHangups(cli);
    const usable = await openUsable(cli, args);
    const { opened } = usable;
    try {
      await serve(cli, usable, hangups);
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

/** A service that is open: its files, and what of them could not be used. */
type Usable = Pick<LiveCustomersParts, 'reader' | 'operator' | 'unusable'> & {
  readonly opened: OpenedService;
};

/** Opens every customer whose file can be used; says loudly which cannot. Throws when none can. */
async function openUsable(cli: Cli, args: ParsedArguments): Promise<Usable> {
  const reader = filesReader(cli, args);
  const { operator, customers: loaded } = await reader.read();
  const [only, ...others] = loaded;
  if (only !== undefined && others.length === 0 && 'error' in only) throw only.error;
  const fileOf = new Map(loaded.map(({ file }) => [resolve(file), file]));
  const unusable: UnusableFile[] = [];
  const onBroken = (path: string, error: RollcallError): void => {
    const file = fileOf.get(path) ?? path;
    unusable.push(unusableFile(file, error, { sinceMs: cli.now(), keeps: null }));
    cli.log.error({ file, code: error.code, err: error }, 'a configuration file cannot be used');
    cli.err.write(`rollcall: ${file} is left out: ${formatError(error)}\n`);
  };
  for (const one of loaded) if ('error' in one) onBroken(one.file, one.error);
  const configs = loaded.flatMap((one) => ('config' in one ? [one.config] : []));
  for (const { customer, warnings } of configs)
    for (const warning of warnings) {
      cli.log.warn({ customer }, warning);
      if (cli.isTerminal) cli.err.write(`rollcall: warning: ${warning}\n`);
    }
  if (configs.length === 0)
    throw new RollcallError('CONFIG_INVALID', 'none of the configuration files can be used.');
  if (loaded.length > 1 && (operator === null || operator.alerts.channels.length === 0))
    cli.log.warn(
      {},
      'no operator.yaml with alerts.channels: where customers have channels of their own, nobody is told of files that cannot be used',
    );
  // A schedule that cannot be is as broken as any other key, and found before anything is opened.
  const opened = await openAll(cli, configs, 'start', {
    ...(configs.length === 1 ? {} : { onBroken }),
    check: checkSchedules,
  });
  return { reader, operator, unusable, opened };
}

/** Runs until it is told to stop, then drains. */
async function serve(cli: Cli, { opened, ...usable }: Usable, hangups: Hangups): Promise<void> {
  const { store, queues, engine } = opened;
  const { log, now } = cli;
  const { customers } = engine.deps;
  const service = createService({ store, queues, engine, log, now });
  const { operator } = usable;
  const settings = controlSettingsOf(
    opened.customers.map(({ name, config }) => ({ customer: name, control: config.control })),
    operator?.hasControl === true ? operator.control : null,
  );
  let control: ControlServer | undefined;
  const live = createLiveCustomers({
    ...usable,
    cli,
    opened,
    listen: settings.listen,
    onSignIns: (signIns) => control?.configure(signIns),
  });

  const certificates = watchCertificates();
  let troubles: readonly Trouble[] = [];
  const vitals = createVitals({
    now,
    disk: () => diskRoom(opened.dataDir),
    memory: memoryRoom,
    lastBeatMs: () => service.health().lastBeatMs,
    stalledGroups: opened.pacer.stalled,
    lostLogBytes: cli.lostLogBytes ?? (() => 0),
  });

  // Alerting: told of runs that end here, and looks at everything else by itself.
  const alerting = createAlerting({
    deps: engine.deps,
    health: async () => service.health(),
    files: live.files,
    self: async () => {
      troubles = await vitals();
      return { troubles, certificates: certificates.seen() };
    },
    operator: () => {
      const told = live.operator();
      return told === null || told.alerts.channels.length === 0
        ? null
        : { alerts: told.alerts, publicUrl: told.control.publicUrl };
    },
  });

  control = await createControlServer({
    ...settings,
    files: live.files,
    troubles: () => troubles,
    certificates: certificates.seen,
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
  const following = followFiles({ cli, hangups, service, live, store, instance: engine.deps.instance });

  log.info(
    {
      customers: customers.size,
      platforms: [...customers.values()].reduce((sum, { platforms }) => sum + platforms.size, 0),
      unusable: usable.unusable.length,
    },
    'service started',
  );
  if (cli.isTerminal)
    cli.out.write(`rollcall: running for ${[...customers.keys()].join(', ')}; Ctrl+C stops it\n`);
  await aborted(cli.signal);
  following.stop();
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
