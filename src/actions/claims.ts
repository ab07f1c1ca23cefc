import { createHash } from 'node:crypto';
import { tenantKey } from '../config/tenant.ts';
import type { CustomerConfig } from '../config/schema.ts';
import type { ProviderSettingsRegistry } from '../config/registry.ts';
import { RollcallError } from '../errors.ts';
import type { Store } from '../store/store.ts';

/** A customer that had no run for this long has given its tenants up. */
const givenUpAfterMs = 30 * 24 * 3_600_000;

/**
 * Claims the tenants that a customer writes to, in the store, for good: a file that was renamed, or a second service with
 * the same tenant under another name, is found here, where files alone do not show it.
 *
 * @throws RollcallError CONFIG_DUPLICATE_TENANT when another customer of this store has one of them
 */
export async function claimTenants(
  store: Store,
  config: CustomerConfig,
  registry: ProviderSettingsRegistry,
  nowMs: number,
): Promise<void> {
  for (const [platform, block] of Object.entries(config.platforms)) {
    const provider = registry[block.provider];
    if (block.mode === 'observe' || provider === undefined) continue;
    // The key holds credentials: only its digest leaves this function.
    const tenant = createHash('sha256').update(tenantKey(block, provider)).digest('hex');
    const asker = { customer: config.customer, platform };
    const owner = await store.tenants.claim(tenant, asker, nowMs, nowMs - givenUpAfterMs);
    if (owner.customer === config.customer) continue;
    throw new RollcallError(
      'CONFIG_DUPLICATE_TENANT',
      `points at the tenant that the customer "${owner.customer}" of this store writes to (its platform ${owner.platform}).`,
      {
        place: { file: config.file, key: `platforms.${platform}` },
        hint: `If this file was renamed, write customer: ${owner.customer} into it, and its history goes on. If both are in use, they would undo each other: take the platform out of one, or set mode: observe here. The tenant is free 30 days after the last run of "${owner.customer}".`,
      },
    );
  }
}

/**
 * What to say when the customer is new in a store that knows others who are not here: a renamed file loses its history
 * from sight. Null when there is nothing to say.
 */
export async function newcomerWarning(
  store: Store,
  config: CustomerConfig,
  present: readonly string[],
): Promise<string | null> {
  const known = await store.tenants.customers();
  if (known.includes(config.customer)) return null;
  const absent = known.filter((name) => !present.includes(name));
  if (absent.length === 0) return null;
  const some = absent.slice(0, 5).join(', ') + (absent.length > 5 ? ` and ${absent.length - 5} more` : '');
  return `the customer "${config.customer}" is new in this store, which knows ${some}. If ${config.file} was renamed, write customer: ${absent.length === 1 ? some : 'NAME'} into it to go on with its history.`;
}
