import type { Account } from '../account.ts';
import { normaliseEmail, normaliseId } from '../normalise.ts';
import { untilWhole } from '../providers/until-whole.ts';
import { type Customer, countingContext, type Platform } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';

/** Accounts that a search shows; whoever looks for one writes more. */
export const mostAccounts = 20;

/** An account there, and whose it is by our links; null for nobody's. */
export type FoundAccount = { readonly account: Account; readonly holder: string | null };

/** Accounts that were found; `more` when there are others. */
export type FoundAccounts = { readonly accounts: readonly FoundAccount[]; readonly more: boolean };

/** The name that an account carries; '' where it has none. */
export function nameOfAccount({ fields }: Pick<Account, 'fields'>): string {
  const name = [fields['firstName'], fields['lastName']].filter((part) => part !== undefined && part !== '');
  return name.length > 0 ? name.join(' ') : (fields['displayName'] ?? '');
}

/**
 * Finds accounts on a platform: by the platform's id, the employee id or the email that they carry, and else by every word
 * of their name, for which all accounts are read. Nothing is written.
 */
export async function findAccounts(
  deps: Pick<JobDeps, 'store'>,
  customer: Customer,
  platform: Platform,
  wanted: { readonly text: string } | { readonly ids: readonly string[] },
  signal: AbortSignal,
): Promise<FoundAccounts> {
  const ctx = countingContext(signal);
  await platform.provider.prepare?.(ctx);
  const exact = 'ids' in wanted ? wanted.ids : [wanted.text];
  const found = new Map<string, Account>();
  const take = (account: Account): void => void found.set(keyOf(account), account);
  if (platform.provider.capabilities.lookUp)
    for (const text of exact) {
      const account = await lookedUp(platform, text, ctx);
      if (account !== null) take(account);
    }
  const left = 'ids' in wanted ? exact.length - found.size : found.size === 0 ? 1 : 0;
  if (left > 0) await readThrough(platform, wanted, ctx, take, () => found.clear());
  const all = [...found.values()];
  const shown = all.slice(0, mostAccounts);
  const holders = await deps.store.links.peopleOf(customer.name, platform.name, shown);
  return {
    accounts: shown.map((account, at) => ({ account, holder: holders[at] ?? null })),
    more: all.length > shown.length,
  };
}

function keyOf({ id, externalId, email }: Account): string {
  return JSON.stringify(id ?? [externalId, email]);
}

async function lookedUp(
  { provider }: Platform,
  text: string,
  ctx: ReturnType<typeof countingContext>,
): Promise<Account | null> {
  const email = normaliseEmail(text);
  const refs = [
    ...(email.includes('@') ? [{ id: null, externalId: null, email }] : []),
    { id: null, externalId: normaliseId(text), email: null },
    { id: text, externalId: null, email: null },
  ];
  for (const ref of refs) {
    const account = await provider.lookUp(ref, ctx);
    if (account !== null) return account;
  }
  return null;
}

async function readThrough(
  { provider }: Platform,
  wanted: { readonly text: string } | { readonly ids: readonly string[] },
  ctx: ReturnType<typeof countingContext>,
  take: (account: Account) => void,
  restart: () => void,
): Promise<void> {
  const keys = new Set('ids' in wanted ? wanted.ids : []);
  const words = 'ids' in wanted ? [] : wordsOf(wanted.text);
  let count = 0;
  await untilWhole(
    async () => {
      for await (const page of provider.readAccounts(ctx))
        for (const account of page) {
          const { id, externalId, email } = account;
          const named = [id, externalId, email].some((key) => key !== null && keys.has(key));
          const text =
            `${nameOfAccount(account)} ${id ?? ''} ${externalId ?? ''} ${email ?? ''}`.toLocaleLowerCase();
          const fits = words.length > 0 && words.every((word) => text.includes(word));
          if (!(named || fits) || count > mostAccounts) continue;
          count++;
          take(account);
        }
    },
    () => {
      count = 0;
      restart();
    },
  );
}

function wordsOf(text: string): readonly string[] {
  return text.normalize('NFC').toLocaleLowerCase().split(/\s+/u).filter(Boolean);
}
