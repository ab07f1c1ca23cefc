import type { ValidParts } from './checks.ts';
import { crossCheck } from './checks.ts';
import type { ConfigDocument } from './document.ts';
import { explain, unknownKey } from './explain.ts';
import type { ConfigIssue, KeyPath } from './issues.ts';
import { homesOf } from './homes.ts';
import { suggestion } from './nearest.ts';
import { type CustomerDefaults, noDefaults, withDefaults } from './operator.ts';
import type { ProviderSettingsRegistry } from './registry.ts';
import type { CustomerBase, PlatformConfig } from './schema.ts';
import { customerBase, slug } from './schema.ts';

type Mapping = Readonly<Record<string, unknown>>;

/**
 * Checks the data of a document against the schema, part by part, so that a problem in one part hides none in another.
 * The parts that are returned are those without a problem.
 */
export function validate(
  document: ConfigDocument,
  registry: ProviderSettingsRegistry,
  defaults: CustomerDefaults = noDefaults,
): { readonly issues: readonly ConfigIssue[]; readonly parts: ValidParts } {
  const issues: ConfigIssue[] = [];
  const base: Record<string, unknown> = {};
  const written = mappingOf(document.data());
  const data = written === undefined ? undefined : withDefaults(written, defaults);
  if (data === undefined) {
    const message = 'must be a mapping of keys to values; it needs at least roster and platforms';
    return { issues: [document.issue([], message)], parts: { base: {}, platforms: {}, platformNames: [] } };
  }

  const homes = (key: string): readonly string[] => homesOf(key, registry);
  const known = [...Object.keys(customerBase.shape), 'platforms'];
  for (const key of Object.keys(data)) {
    if (!known.includes(key)) issues.push(document.keyIssue([key], unknownKey(key, known, homes(key))));
  }
  for (const [key, schema] of Object.entries(customerBase.shape)) {
    const result = schema.safeParse(data[key]);
    if (result.success) base[key] = result.data;
    else
      issues.push(...explain(result.error.issues, { document, data: data[key], schema, path: [key], homes }));
  }

  const platforms: Record<string, PlatformConfig> = {};
  const blocks = mappingOf(data['platforms']);
  if (blocks === undefined || Object.keys(blocks).length === 0) {
    issues.push(document.issue(['platforms'], 'is required: a mapping of names to at least one platform'));
  }
  for (const [name, block] of Object.entries(blocks ?? {})) {
    const result = validatePlatform(name, block, document, registry);
    if ('config' in result) platforms[name] = result.config;
    else issues.push(...result.issues);
  }

  const parts: ValidParts = {
    base: base as Partial<CustomerBase>,
    platforms,
    platformNames: Object.keys(blocks ?? {}),
  };
  return { issues: [...issues, ...crossCheck(parts, document, registry)], parts };
}

function validatePlatform(
  name: string,
  data: unknown,
  document: ConfigDocument,
  registry: ProviderSettingsRegistry,
): { readonly config: PlatformConfig } | { readonly issues: readonly ConfigIssue[] } {
  const path: KeyPath = ['platforms', name];
  const badName = slug
    .safeParse(name)
    .error?.issues.map((issue) => document.keyIssue(path, `is not a name for a platform: ${issue.message}`));
  const block = mappingOf(data);
  if (block === undefined) {
    return {
      issues: [
        ...(badName ?? []),
        document.issue(path, 'must be a mapping of keys to values, provider first'),
      ],
    };
  }
  const names = Object.keys(registry);
  const wanted = block['provider'];
  const provider =
    typeof wanted === 'string' && Object.hasOwn(registry, wanted) ? registry[wanted] : undefined;
  if (provider === undefined) {
    const missing = wanted === undefined || wanted === null;
    const near = typeof wanted === 'string' ? suggestion(wanted, names) : '';
    const message = `${missing ? 'is required' : 'there is no such provider'}${near === '' ? `; known: ${names.join(', ')}` : near}`;
    return { issues: [...(badName ?? []), document.issue([...path, 'provider'], message)] };
  }
  const result = provider.settings.safeParse(block);
  const issues = [
    ...(badName ?? []),
    ...(result.error === undefined
      ? []
      : explain(result.error.issues, {
          document,
          data: block,
          schema: provider.settings,
          path,
          homes: (key) => homesOf(key, registry),
        })),
  ];
  if (issues.length > 0 || !result.success) return { issues };
  // The registry's contract is that a provider's settings extend the common ones; one without enrollments has none.
  const config = result.data as PlatformConfig & { enrollments?: PlatformConfig['enrollments'] };
  return { config: { ...config, enrollments: config.enrollments ?? [] } };
}

function mappingOf(value: unknown): Mapping | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Mapping)
    : undefined;
}
