import { execFile } from 'node:child_process';
import type { Log } from '../log.ts';

/** A beat or a probe older than this is none any more, in ms: both come every few seconds. */
export const freshMs = 30_000;

/** What the service last did by itself, in ms since 1970; null before the first time. */
export type Signs = { readonly lastBeatMs: number | null; readonly lastProbeMs: number | null };

/**
 * Feeds systemd's watchdog (sd_notify(3)) four times in the time that it asks for (a machine that wakes up finds the last beat old
 * once, and must not be without food until it is too late), as long as the schedule beats and the probes of
 * store and queue come back. Whether they come back well is another matter: a database that is away is told to on-call, and
 * starting this process again would not bring it back. Node has no datagram sockets of the file system, so `systemd-notify`
 * sends the message; the unit needs `NotifyAccess=all`.
 */
export function startWatchdog(options: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signs: () => Signs;
  readonly log: Log;
  readonly now?: () => number;
}): { readonly stop: () => void } {
  const { env, signs, log } = options;
  const now = options.now ?? Date.now;
  const wantedUs = Number(env['WATCHDOG_USEC']);
  if (env['NOTIFY_SOCKET'] === undefined || !(wantedUs > 0)) return { stop: () => undefined };
  const fresh = (atMs: number | null): boolean => atMs !== null && Math.abs(now() - atMs) < freshMs;
  const feed = (): void => {
    const { lastBeatMs, lastProbeMs } = signs();
    if (!fresh(lastBeatMs) || !fresh(lastProbeMs)) {
      log.error(
        { lastBeatMs, lastProbeMs },
        'the watchdog is not fed: the schedule or the probes stand still',
      );
      return;
    }
    execFile('systemd-notify', ['WATCHDOG=1'], { env: { ...env } }, (error) => {
      if (error !== null) log.error({ err: error }, 'systemd-notify failed: the watchdog is not fed');
    });
  };
  const timer = setInterval(feed, wantedUs / 1_000 / 4).unref();
  feed();
  return { stop: () => clearInterval(timer) };
}
