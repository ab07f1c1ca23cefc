import { isIP } from 'node:net';
import type { ConfigDocument } from './document.ts';
import { checkFormat } from './format-keys.ts';
import { type ConfigIssue, formatKey, type KeyPath } from './issues.ts';
import { suggestion } from './nearest.ts';
import type { ProviderSettingsRegistry } from './registry.ts';
import type { CustomerBase, PlatformConfig, WrittenRoster } from './schema.ts';
import { tenantKey } from './tenant.ts';

const shortestTokenOffLoopback = 32;

/** What of a file is valid by itself. A part with a problem of its own is absent. */
export type ValidParts = {
  readonly base: Partial<CustomerBase>;
  readonly platforms: Readonly<Record<string, PlatformConfig>>;
  /** All blocks there are, valid or not. */
  readonly platformNames: readonly string[];
};

/** What no key can say by itself: problems between one part of the file and another. */
export function crossCheck(
  { base, platforms, platformNames }: ValidParts,
  document: ConfigDocument,
  registry: ProviderSettingsRegistry,
): readonly ConfigIssue[] {
  return [
    ...checkPeople(base, document),
    ...checkRoster(base, document),
    ...checkAlerts(base, platformNames, document),
    ...checkControl(base, document),
    ...checkLimits(platforms, document),
    ...checkTenants(platforms, document, registry),
  ];
}

function checkPeople(
  { protect, ignore }: Partial<CustomerBase>,
  document: ConfigDocument,
): readonly ConfigIssue[] {
  const guarded = new Set(protect?.people);
  return (ignore?.people ?? []).flatMap((id, index) =>
    guarded.has(id)
      ? [
          document.issue(
            ['ignore', 'people', index],
            'is in protect.people too: a person is protected or ignored, not both',
          ),
        ]
      : [],
  );
}

function checkRoster({ roster }: Partial<CustomerBase>, document: ConfigDocument): readonly ConfigIssue[] {
  if (roster === undefined) return [];
  const { parts } = roster;
  return [
    ...checkMapping(roster, ['roster'], document),
    ...(parts ?? []).flatMap((part, at) => checkMapping(part, ['roster', 'parts', at], document)),
    ...(parts === undefined ? checkOnly(roster, document) : checkParts(roster, parts, document)),
    ...checkFormat(roster, document),
  ];
}

function checkMapping(
  {
    columns,
    attributes,
  }: Pick<WrittenRoster, 'columns'> & { readonly attributes?: readonly string[] | undefined },
  path: KeyPath,
  document: ConfigDocument,
): readonly ConfigIssue[] {
  const mapped = Object.entries(columns ?? {}).filter(([, column]) => column !== undefined);
  return [
    ...repeats(mapped.map(([, column]) => column)).map(([index, first]) =>
      document.issue(
        [...path, 'columns', mapped[index]?.[0] ?? ''],
        `names the same column as ${formatKey([...path, 'columns', mapped[first]?.[0] ?? ''])}`,
      ),
    ),
    ...repeats(attributes ?? []).map(([index]) =>
      document.issue([...path, 'attributes', index], 'is in the list twice'),
    ),
  ];
}

/** One delivery has to say where it comes from and what its columns are; parts may say the latter for all. */
function checkOnly(roster: WrittenRoster, document: ConfigDocument): readonly ConfigIssue[] {
  return [
    ...(roster.source === undefined
      ? [
          document.issue(
            ['roster', 'source'],
            'is required; of several deliveries, roster.parts has one each',
          ),
        ]
      : []),
    ...(roster.columns === undefined ? [document.issue(['roster', 'columns'], 'is required')] : []),
  ];
}

function checkParts(
  roster: WrittenRoster,
  parts: NonNullable<WrittenRoster['parts']>,
  document: ConfigDocument,
): readonly ConfigIssue[] {
  const issues = repeats(parts.map(({ name }) => name.toLowerCase())).map(([index, first]) =>
    document.issue(
      ['roster', 'parts', index, 'name'],
      `is the name of roster.parts[${first}] too: nobody could tell which of them is meant`,
    ),
  );
  if (roster.source !== undefined)
    issues.push(
      document.keyIssue(
        ['roster', 'source'],
        'stands beside roster.parts, and each part has a source of its own: move it into the part that it is of',
      ),
    );
  for (const [at, part] of parts.entries()) {
    if (part.source === undefined)
      issues.push(document.issue(['roster', 'parts', at, 'source'], 'is required: each part has its own'));
    if (part.columns === undefined && roster.columns === undefined)
      issues.push(
        document.issue(
          ['roster', 'parts', at, 'columns'],
          'is required, here or, for all parts, as roster.columns',
        ),
      );
  }
  const sources = parts.map(({ source }) => (source === undefined ? undefined : JSON.stringify(source)));
  for (const [index, first] of repeats(sources))
    if (sources[index] !== undefined)
      issues.push(
        document.issue(
          ['roster', 'parts', index, 'source'],
          `is the source of "${parts[first]?.name}" too: everybody would be in both parts`,
        ),
      );
  return issues;
}

function checkAlerts(
  { alerts }: Partial<CustomerBase>,
  platformNames: readonly string[],
  document: ConfigDocument,
): readonly ConfigIssue[] {
  return (alerts?.channels ?? []).flatMap((channel, index) =>
    (channel.platforms ?? []).flatMap((name, position) =>
      platformNames.includes(name)
        ? []
        : [
            document.issue(
              ['alerts', 'channels', index, 'platforms', position],
              `no platform of this name is configured${suggestion(name, platformNames)}`,
            ),
          ],
    ),
  );
}

function checkControl({ control }: Partial<CustomerBase>, document: ConfigDocument): readonly ConfigIssue[] {
  if (control === undefined) return [];
  const { listen, tokens } = control;
  const issues = [
    ...repeats(tokens.map(({ name }) => name)).map(([index]) =>
      document.issue(
        ['control', 'tokens', index, 'name'],
        'is the name of another token: the journal could not tell them apart',
      ),
    ),
    ...repeats(tokens.map(({ token }) => token)).map(([index, first]) =>
      document.issue(['control', 'tokens', index, 'token'], `is the same as control.tokens[${first}].token`),
    ),
  ];
  if (Number(listen.slice(listen.lastIndexOf(':') + 1)) > 65_535) {
    issues.push(document.issue(['control', 'listen'], 'the port must be at most 65535'));
  }
  if (isLoopback(listen.slice(0, listen.lastIndexOf(':')))) return issues;
  if (tokens.length === 0) {
    issues.push(
      document.issue(['control', 'listen'], 'is open to other machines: control.tokens needs a token first'),
    );
  }
  for (const [index, { token }] of tokens.entries()) {
    if (token.length < shortestTokenOffLoopback) {
      const message = `must have at least ${shortestTokenOffLoopback} characters, because control.listen is open to other machines`;
      issues.push(document.issue(['control', 'tokens', index, 'token'], message));
    }
  }
  return issues;
}

/** Whether only this machine can reach the host part of `control.listen`. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (bare === 'localhost') return true;
  return isIP(bare) === 4
    ? bare.startsWith('127.')
    : isIP(bare) === 6 && new URL(`http://[${bare}]`).hostname === '[::1]';
}

function checkLimits(
  platforms: Readonly<Record<string, PlatformConfig>>,
  document: ConfigDocument,
): readonly ConfigIssue[] {
  return Object.entries(platforms).flatMap(([name, { limits }]) =>
    Object.entries(limits).flatMap(([kind, limit]) =>
      limit?.floor !== undefined && limit.count !== undefined && limit.floor > limit.count
        ? [
            document.issue(
              ['platforms', name, 'limits', kind, 'floor'],
              `is above count, which would then never bind: the limit is at least floor`,
            ),
          ]
        : [],
    ),
  );
}

function checkTenants(
  platforms: Readonly<Record<string, PlatformConfig>>,
  document: ConfigDocument,
  registry: ProviderSettingsRegistry,
): readonly ConfigIssue[] {
  const names = Object.keys(platforms);
  const keys = Object.values(platforms).map((block) => {
    const provider = registry[block.provider];
    return provider === undefined ? undefined : tenantKey(block, provider);
  });
  return repeats(keys).map(([index, first]) =>
    document.issue(
      ['platforms', names[index] ?? ''],
      `points at the same tenant as platforms.${names[first]}`,
      'CONFIG_DUPLICATE_TENANT',
    ),
  );
}

/** The index of every entry that came before, with the index of its first occurrence. */
function repeats(
  entries: readonly (string | undefined)[],
): readonly (readonly [index: number, first: number])[] {
  return entries.flatMap((entry, index) => {
    const first = entries.indexOf(entry);
    return entry !== undefined && first < index ? [[index, first] as const] : [];
  });
}
