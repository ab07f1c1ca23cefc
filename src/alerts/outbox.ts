import type { AlertMessage } from './message.ts';

/** A message that some channels (by index) have not taken yet. */
export type Undelivered = { readonly message: AlertMessage; readonly channels: readonly number[] };

/**
 * What is still worth sending of an outbox, oldest first: for each channel and alert only the newest message, so that a
 * beginning that could not be delivered never arrives after its ending. `superseded` lists what to forget. Pure.
 */
export function compactOutbox<T extends Undelivered>(
  pending: readonly T[],
): {
  readonly send: readonly { readonly entry: T; readonly channels: readonly number[] }[];
  readonly superseded: readonly T[];
} {
  const oldestFirst = [...pending].sort((a, b) => a.message.atMs - b.message.atMs);
  const newest = new Map<string, T>();
  for (const entry of oldestFirst)
    for (const channel of entry.channels) newest.set(`${channel} ${entry.message.key}`, entry);
  const send: { entry: T; channels: number[] }[] = [];
  const superseded: T[] = [];
  for (const entry of oldestFirst) {
    const channels = entry.channels.filter(
      (channel) => newest.get(`${channel} ${entry.message.key}`) === entry,
    );
    if (channels.length > 0) send.push({ entry, channels });
    else superseded.push(entry);
  }
  return { send, superseded };
}
