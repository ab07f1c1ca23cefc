import type { PlatformConfig, PlatformSettings } from './schema.ts';

/** What loading has to know of a provider: the schema of its block, and which tenant a block points at. */
export type ProviderSettings = {
  readonly settings: PlatformSettings;
  /**
   * A text that is the same for two blocks exactly when they reach the same tenant, whatever their other keys say. It
   * is compared and never shown. Without it, a tenant is its base URL with its credentials.
   */
  tenantOf?(block: PlatformConfig): string;
};

/** The providers there are, by the name that `provider:` gives. */
export type ProviderSettingsRegistry = Readonly<Record<string, ProviderSettings>>;
