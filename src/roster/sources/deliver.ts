import { utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RemoteSourceConfig, RosterSourceConfig } from '../../config/roster-source.ts';
import type { RosterConfig } from '../../config/schema.ts';
import { RollcallError } from '../../errors.ts';
import type { RosterFile } from '../types.ts';
import type { DeliveryContext } from './context.ts';
import { findRoster, rosterFileAt } from './file.ts';
import { openInboxFile } from './inbox.ts';
import { DeliveryError, type Fetched, type RosterSource, type Waiting } from './source.ts';

/** Attempts at a delivery, the first included: a connection that breaks is no failed run. */
const attempts = 3;
/** First back-off after a delivery that failed; doubled each time. */
const retryBaseMs = 1_000;
/** The longest wait between attempts; whoever asks for more is asked again by a later run. */
const longestRetryMs = 60_000;
/** A delivery that took this long before it broke is not begun again at once: a later run does. */
const longestRunMs = 10 * 60_000;
/** Between two looks at what announces no length. */
const defaultSettleMs = 5_000;

/** The roster's file on this machine, for as long as it is read. */
export type Delivery = {
  readonly file: RosterFile;
  /** What it is called in messages: the path, or where it came from. */
  readonly shown: string;
  /** Whether its time is that of the export; false for a report that is made when it is asked for. */
  readonly isDated: boolean;
  /** The format that it was saved in here; null where it is as it was delivered. */
  readonly format: 'jsonl' | null;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

/** Whether a roster is fetched from elsewhere. */
export function isRemote(source: RosterSourceConfig): source is RemoteSourceConfig {
  return typeof source !== 'string';
}

async function sourceOf(
  config: RemoteSourceConfig,
  pick: RosterConfig['pick'],
  settleMs: number,
): Promise<RosterSource> {
  switch (config.type) {
    case 's3':
      return (await import('./s3/source.ts')).createS3Source(config, pick);
    case 'sftp':
      return (await import('./sftp.ts')).createSftpSource(config, pick);
    case 'https':
      return (await import('./https/source.ts')).createHttpsSource(config, { settleMs });
  }
}

/**
 * What waits to be delivered, without fetching it: the file here, or what the source says of it; null where it cannot
 * say without making all of it.
 *
 * @throws RollcallError ROSTER_NOT_FOUND, ROSTER_UNREADABLE, DeliveryError
 */
export async function lookAtRoster(
  config: Pick<RosterConfig, 'source' | 'pick'>,
  signal: AbortSignal,
): Promise<Waiting | null> {
  const { source, pick } = config;
  if (isRemote(source)) return await (await sourceOf(source, pick, defaultSettleMs)).look(signal);
  const { file, sizeBytes, modifiedAtMs } = await findRoster({ source, pick });
  return { name: file, sizeBytes, modifiedAtMs };
}

/**
 * The roster as a file of this machine: the one that `source` names, or one that is fetched whole into a private file,
 * which goes when the delivery is disposed of. Nothing half is ever read.
 *
 * @throws RollcallError ROSTER_NOT_FOUND, ROSTER_UNREADABLE, ROSTER_CHANGING, DATA_DIR_UNUSABLE, RUN_ABORTED;
 * DeliveryError (ROSTER_UNREACHABLE)
 */
export async function deliver(
  config: Pick<RosterConfig, 'source' | 'pick'>,
  context: DeliveryContext,
): Promise<Delivery> {
  const { source, pick } = config;
  if (!isRemote(source)) {
    const file = await findRoster({ source, pick });
    return {
      file,
      shown: file.file,
      isDated: true,
      format: null,
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  const remote = await sourceOf(source, pick, context.settleMs ?? defaultSettleMs);
  const kept = await openInboxFile(context.inbox);
  try {
    const fetched = await fetchWhole(remote, kept.saveTo, context);
    const at = new Date(fetched.modifiedAtMs ?? Date.now());
    await utimes(kept.file, at, at);
    const file = await rosterFileAt(kept.file);
    if (file === undefined)
      throw new RollcallError('ROSTER_UNREADABLE', 'the fetched roster is gone before it was read.', {
        place: { file: kept.file },
      });
    return {
      file,
      shown: `${source.type}://${remote.host}/…${fetched.name === '' ? '' : `/${fetched.name}`}`,
      isDated: fetched.modifiedAtMs !== null,
      format: fetched.format ?? null,
      [Symbol.asyncDispose]: kept[Symbol.asyncDispose],
    };
  } catch (error) {
    await kept[Symbol.asyncDispose]();
    throw error;
  }
}

/** Fetches, and begins again when the connection breaks. */
async function fetchWhole(
  remote: RosterSource,
  saveTo: Parameters<RosterSource['fetch']>[0],
  context: DeliveryContext,
): Promise<Fetched> {
  const signal = context.signal ?? new AbortController().signal;
  const beganMs = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await remote.fetch(saveTo, signal);
    } catch (error) {
      refuseIfStopped(signal);
      if (!(error instanceof DeliveryError) || !error.passing || attempt === attempts) throw error;
      if (performance.now() - beganMs > longestRunMs) throw error;
      const waitMs = error.retryAfterMs ?? (context.retryBaseMs ?? retryBaseMs) * 2 ** (attempt - 1);
      if (waitMs > longestRetryMs) throw error;
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      refuseIfStopped(signal);
    }
  }
}

function refuseIfStopped(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new RollcallError('RUN_ABORTED', 'the fetching of the roster was stopped.', {
    cause: signal.reason,
  });
}
