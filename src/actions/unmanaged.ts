import type { Account } from '../account.ts';
import { RollcallError } from '../errors.ts';
import { type Customer, countingContext, type Platform } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { withholdReasons } from '../jobs/decide/judge.ts';
import { readSides } from '../jobs/read/sides.ts';

/** Accounts of one platform that no person on the roster explains. */
export type Unmanaged = {
  readonly platform: string;
  readonly total: number;
  readonly accounts: readonly Account[];
  /** Why the list cannot be trusted to be whole: the roster was not complete. */
  readonly reasons: readonly { readonly code: string; readonly message: string }[];
};

/**
 * Reads roster and accounts and returns the accounts that are neither linked to anybody nor would be adopted. Reads only.
 * Throws CAPABILITY_MISSING where the platform has no accounts.
 */
export async function unmanagedAccounts(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  platform: Platform,
  signal: AbortSignal,
): Promise<Unmanaged> {
  const { capabilities } = platform.provider;
  if (capabilities.accounts === 'none')
    throw new RollcallError(
      'CAPABILITY_MISSING',
      `${platform.name} has no accounts to read: ${capabilities.missing.accounts ?? 'it knows people by email'}.`,
    );
  // A read whose pages did not add up is repeated, and tells of the same accounts again.
  const found = new Map<string, Account>();
  const sides = await readSides({
    customer,
    // Who is enrolled where does not matter here, and would cost requests.
    platform: { ...platform, config: { ...platform.config, enrollments: [] } },
    store: deps.store,
    ctx: countingContext(signal),
    nowMs: deps.now(),
    onProgress: () => undefined,
    onUnmanaged: (account) =>
      found.set(JSON.stringify([account.id, account.externalId, account.email]), account),
  });
  return {
    platform: platform.name,
    total: sides.accounts?.total ?? 0,
    accounts: [...found.values()],
    reasons: withholdReasons({ roster: sides.roster, platformReasons: [] }),
  };
}
