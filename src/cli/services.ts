import { lacksSecrets, platformOf, requireSecrets } from '../jobs/customer.ts';
import type { Cli, Opened } from './context.ts';

/** Services that take requests from the queue; null where that cannot be known. */
export async function countServices({ queues, store }: Opened): Promise<number | null> {
  if (queues.redis !== null) return queues.sync.getWorkersCount().catch(() => null);
  return (await store.database.others())?.filter((command) => command === 'start').length ?? null;
}

/**
 * Starts the workers that perform what a command asks for, beside those of the running service. Without the secrets of the
 * platform the service does all of it; where there is none, throws CONFIG_SECRET_MISSING.
 */
export async function startWorkers(cli: Cli, opened: Opened, platform: string): Promise<void> {
  const { customer, engine } = opened;
  if (lacksSecrets(customer, platform)) {
    const services = await countServices(opened);
    if (services === 0) requireSecrets(customer, [platformOf(customer, platform)]);
    const here = `rollcall: the secrets of ${platform} are not set here`;
    // Whoever waits has to know for whom, also where nobody watches.
    if (services === null)
      cli.err.write(
        `${here}: this waits for a running service that has them. On a PostgreSQL of your own nobody can tell from here whether one runs: see that it does (systemctl status rollcall), or set them.\n`,
      );
    else if (cli.isTerminal) cli.err.write(`${here}: the running service does it\n`);
  }
  await engine.start();
}
