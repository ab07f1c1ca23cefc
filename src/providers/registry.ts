import type { ProviderSettingsRegistry } from '../config/registry.ts';
import type { ProviderModule } from './contract.ts';
import { keepnet } from './keepnet/index.ts';
import { mimecast } from './mimecast/index.ts';
import { outthink } from './outthink/index.ts';
import { scim } from './scim/index.ts';
import { sparkwise } from './sparkwise/index.ts';

/** All providers, by the name that `provider:` takes in a platform block. One line each. */
export const providers: Readonly<Record<string, ProviderModule>> = {
  keepnet,
  mimecast,
  outthink,
  scim,
  sparkwise,
};

/** The providers as far as loading a configuration goes: what a block looks like, and which tenant it points at. */
export const providerRegistry: ProviderSettingsRegistry = Object.fromEntries(
  Object.entries(providers).map(([name, { settings, tenantOf }]) => [name, { settings, tenantOf }]),
);
