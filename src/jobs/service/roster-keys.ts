import type { DecryptConfig } from '../../config/roster-source.ts';
import { type KeyFacts, keysOf } from '../../roster/index.ts';
import type { Customer } from '../customer.ts';

/** Keys are read anew this often: what they are good for changes with the time. */
const readEveryMs = 6 * 3_600_000;

/** When the roster of a part cannot be read any more for want of a key; `role` says which key of `roster.decrypt` it is. */
export type KeyEnd = Pick<KeyFacts, 'role' | 'fingerprint'> & {
  /** '' is the only one. */
  readonly part: string;
  readonly endsMs: number;
};

/** Tells when the OpenPGP keys of rosters end. Of several keys of one kind the last counts. */
export type RosterKeys = (customer: Pick<Customer, 'parts'>, nowMs: number) => Promise<readonly KeyEnd[]>;

export function createRosterKeys(): RosterKeys {
  const known = new WeakMap<
    DecryptConfig,
    { readonly readMs: number; readonly facts: readonly KeyFacts[] }
  >();

  async function factsOf(decrypt: DecryptConfig, nowMs: number): Promise<readonly KeyFacts[]> {
    const before = known.get(decrypt);
    if (before !== undefined && Math.abs(nowMs - before.readMs) < readEveryMs) return before.facts;
    // One that cannot be used fails the run, which says so.
    const usable = await keysOf(decrypt, nowMs).catch(() => []);
    const isThere = ({ fingerprint }: KeyFacts): boolean =>
      usable.some((key) => key.fingerprint === fingerprint);
    // One that has ended since is near its end more than ever.
    const facts = [...usable, ...(before?.facts ?? []).filter((key) => !isThere(key))];
    known.set(decrypt, { readMs: nowMs, facts });
    return facts;
  }

  return async ({ parts }, nowMs) => {
    const ends: KeyEnd[] = [];
    for (const { name, config } of parts) {
      const { decrypt } = config;
      if (decrypt === undefined) continue;
      const facts = await factsOf(decrypt, nowMs);
      for (const role of ['privateKey', 'signedBy'] as const) {
        const [last] = facts
          .filter((key) => key.role === role)
          .map((key) => ({ ...key, endsMs: key.expiresAtMs ?? Number.POSITIVE_INFINITY }))
          .toSorted((a, b) => b.endsMs - a.endsMs);
        if (last === undefined || last.endsMs === Number.POSITIVE_INFINITY) continue;
        // What stands beside parts is the key of all of them.
        if (ends.some((end) => end.role === role && end.fingerprint === last.fingerprint)) continue;
        ends.push({ part: name, role, fingerprint: last.fingerprint, endsMs: last.endsMs });
      }
    }
    return ends;
  };
}
