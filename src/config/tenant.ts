import type { ProviderSettings } from './registry.ts';
import type { PlatformConfig } from './schema.ts';

/** What tells tenants of one base URL apart, by the name of its key, at any depth of the block. */
const identifying = /(key|token|secret|password|user|id|company|account|tenant)$/i;

/** The same text for two blocks that point at one tenant. It contains credentials: compare it, never show it. */
export function tenantKey(block: PlatformConfig, provider: ProviderSettings): string {
  const own =
    provider.tenantOf?.(block) ?? `${normaliseUrl(block.baseUrl)}\n${credentials(block).join('\n')}`;
  return `${block.provider}\n${own}`;
}

/** A URL as it is compared: scheme and host in lower case, no default port, no slash at the end, no query. */
function normaliseUrl(url: string): string {
  if (!URL.canParse(url)) return url;
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}`;
}

function credentials(block: object, prefix = ''): readonly string[] {
  return Object.entries(block)
    .flatMap(([key, value]: [string, unknown]) => {
      const path = `${prefix}${key}`;
      if (key === 'enrollments' || key === 'fields' || key === 'provider') return [];
      if (typeof value === 'string') return identifying.test(key) ? [`${path}=${value}`] : [];
      return typeof value === 'object' && value !== null ? credentials(value, `${path}.`) : [];
    })
    .toSorted();
}
