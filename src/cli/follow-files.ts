import type { Service } from '../jobs/service/service.ts';
import type { Store } from '../store/store.ts';
import type { Cli } from './context.ts';
import type { LiveCustomers } from './live-customers.ts';

/** How often a service looks whether its files have changed. */
export const lookEveryMs = 60_000;
/** A request made so long before the service started counts: whoever asked may have a clock that is ahead. */
const earlierMs = 60_000;

/** SIGHUP, from the first moment on: what comes before somebody listens is kept. */
export type Hangups = { readonly onHangup: (listener: () => void) => void };

/** From here on SIGHUP no longer ends the process. */
export function watchHangups(cli: Cli): Hangups {
  let missed = false;
  let listener: (() => void) | undefined;
  cli.onHangup?.(() => {
    if (listener === undefined) missed = true;
    else listener();
  });
  return {
    onHangup: (wanted) => {
      listener = wanted;
      if (missed) wanted();
    },
  };
}

/** Has the files looked at: every minute, on SIGHUP, and when `rollcall reload` asks. */
export function followFiles(parts: {
  readonly cli: Cli;
  readonly hangups: Hangups;
  readonly service: Pick<Service, 'onTick'>;
  readonly live: LiveCustomers;
  readonly store: Pick<Store, 'reloads'>;
  readonly instance: string;
}): { readonly stop: () => void } {
  const { cli, hangups, service, live, store, instance } = parts;
  const { log, now } = cli;
  const sinceMs = now() - earlierMs;
  let stopped = false;

  async function look(asked: string, anew: boolean): Promise<readonly string[]> {
    const lines = await live.reload(anew);
    const unusable = live.files().length;
    if (anew || lines.length > 0)
      log.info({ asked, changes: lines.length, unusable }, 'configuration looked at');
    return lines;
  }

  hangups.onHangup(() => void look('SIGHUP', true));
  service.onTick(async (nowMs) => {
    if (stopped) return;
    const [id, ...others] = await store.reloads.open(instance, sinceMs);
    if (id === undefined) return;
    const lines = await look('rollcall reload', true);
    for (const one of [id, ...others]) await store.reloads.answer(one, instance, lines, nowMs);
  });
  const timer = setInterval(() => void look('every minute', false), cli.lookEveryMs ?? lookEveryMs).unref();
  return {
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}
