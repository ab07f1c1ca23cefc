import { createAlerting, isAlerting } from './alerting.ts';
import type { Customer } from '../../jobs/customer.ts';
import type { JobDeps } from '../../jobs/deps.ts';

/** How long a command waits at its end for messages and heartbeats. */
const tellWithinMs = 15_000;

/** Whether anybody would hear of this customer's runs. */
function hasEars(customer: Customer): boolean {
  const { alerts } = customer.config;
  return (
    alerts.channels.length > 0 ||
    alerts.heartbeatUrl !== undefined ||
    [...customer.platforms.values()].some(({ config }) => config.heartbeatUrl !== undefined)
  );
}

/**
 * Watches the runs of a command that works without a service: call it before they are asked for, and what it returns
 * at the end. That tells on-call what these runs came to, in a bounded time, and never throws: the command's own outcome
 * stands. Within a service, which watches all its runs, it does nothing.
 */
export function watchRuns(deps: JobDeps, customer: Customer): () => Promise<void> {
  if (isAlerting(deps) || !hasEars(customer)) return async () => undefined;
  const alerting = createAlerting({ deps });
  alerting.start();
  return async () => {
    const deadlineMs = Date.now() + tellWithinMs;
    void alerting.evaluate(customer.name);
    if (!(await alerting.settled(tellWithinMs)))
      deps.log.warn(
        { customer: customer.name },
        'alerts are not out yet; the next run or the service sends them',
      );
    await alerting.stop(Math.max(0, deadlineMs - Date.now()));
  };
}
