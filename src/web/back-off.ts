import { createHash } from 'node:crypto';

/** Wrong tokens that an address may try before it has to wait. */
const freeTries = 5;
const firstWaitMs = 1_000;
const longestWaitMs = 60_000;
/** An address that has not failed for this long starts anew. */
const forgetMs = 15 * 60_000;
const mostAddresses = 10_000;

type Failures = { readonly tried: Set<string>; count: number; lastMs: number; untilMs: number };

/** Slows down whoever guesses tokens. */
export type BackOff = {
  /** How long the address has to wait before it may try again, in ms; 0 when it may. */
  readonly waitMs: (address: string) => number;
  readonly failed: (address: string, token: string) => void;
};

/**
 * Back-off for each address. The same wrong token again is not a guess: a monitor with an outdated token must not lock
 * out the people who come from its address.
 */
export function createBackOff(now: () => number): BackOff {
  const addresses = new Map<string, Failures>();
  return {
    waitMs: (address) => Math.max(0, (addresses.get(address)?.untilMs ?? 0) - now()),
    failed: (address, token) => {
      const nowMs = now();
      const known = addresses.get(address);
      const failures =
        known !== undefined && nowMs - known.lastMs < forgetMs
          ? known
          : { tried: new Set<string>(), count: 0, lastMs: nowMs, untilMs: 0 };
      addresses.delete(address);
      const [oldest] = addresses.keys();
      if (addresses.size >= mostAddresses && oldest !== undefined) addresses.delete(oldest);
      addresses.set(address, failures);
      const guess = createHash('sha256').update(token).digest('base64');
      if (failures.tried.has(guess)) return;
      failures.lastMs = nowMs;
      failures.count++;
      // Enough to recognise a monitor's token; a guesser's are not worth keeping.
      if (failures.tried.size < freeTries) failures.tried.add(guess);
      if (failures.count > freeTries)
        failures.untilMs =
          nowMs + Math.min(longestWaitMs, firstWaitMs * 2 ** (failures.count - freeTries - 1));
    },
  };
}
