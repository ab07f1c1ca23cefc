import type { ConfigDocument } from './document.ts';
import type { ConfigIssue, KeyPath } from './issues.ts';
import type { RosterFormat, WrittenRoster } from './schema.ts';

type Keys = {
  readonly [Key in
    | 'source'
    | 'format'
    | 'sheet'
    | 'records'
    | 'delimiter'
    | 'encoding'
    | 'decrypt']?: WrittenRoster[Key];
} & { readonly skip?: WrittenRoster['skip'] | undefined };

const names: Readonly<Record<RosterFormat, string>> = {
  csv: 'CSV',
  xlsx: 'XLSX',
  json: 'JSON',
  jsonl: 'JSON lines',
};

/** Keys that only some formats have a use for; of the others nobody would see that they do nothing. */
const formatKeys: readonly {
  readonly key: readonly [string, ...string[]];
  readonly of: readonly RosterFormat[];
  readonly isSet: (keys: Keys) => boolean;
}[] = [
  { key: ['sheet'], of: ['xlsx'], isSet: ({ sheet }) => sheet !== undefined },
  { key: ['records'], of: ['json'], isSet: ({ records }) => records !== undefined },
  { key: ['delimiter'], of: ['csv'], isSet: ({ delimiter }) => delimiter !== undefined },
  { key: ['encoding'], of: ['csv', 'json', 'jsonl'], isSet: ({ encoding }) => encoding !== undefined },
  { key: ['skip', 'above'], of: ['csv', 'xlsx'], isSet: ({ skip }) => (skip?.above ?? 0) > 0 },
];

/** The keys that are set and do nothing for that format: each with the formats that it is for. */
export function idleKeys(
  keys: Keys,
  format: RosterFormat,
): readonly { readonly key: readonly [string, ...string[]]; readonly of: string }[] {
  return formatKeys
    .filter(({ of, isSet }) => !of.includes(format) && isSet(keys))
    .map(({ key, of }) => ({ key, of: of.map((one) => names[one]).join(', ') }));
}

function isPaged({ source }: Keys): boolean {
  return typeof source === 'object' && source.type === 'https' && source.pages !== undefined;
}

/** The format that the configuration names; undefined where the content says it. Pages are put together as JSON lines. */
function formatOf(keys: Keys): RosterFormat | undefined {
  return isPaged(keys) ? 'jsonl' : keys.format;
}

/** Keys that cannot be meant for the format that is named beside them. What stands beside parts is for those that it fits. */
export function checkFormat(roster: WrittenRoster, document: ConfigDocument): readonly ConfigIssue[] {
  const { parts } = roster;
  if (parts === undefined) return checkKeys(roster, formatOf(roster), ['roster'], document);
  const { source: _, ...beside } = roster;
  const formats = parts.map((part) => formatOf(part) ?? roster.format);
  const besideAll = formatKeys.filter(
    ({ of, isSet }) =>
      isSet(beside) && formats.every((format) => format !== undefined && !of.includes(format)),
  );
  const paged = parts.find((part) => part.decrypt === undefined && isPaged(part));
  return [
    ...besideAll.map(({ key, of }) =>
      document.keyIssue(
        ['roster', ...key],
        `is for ${of.map((one) => names[one]).join(', ')}, and no part of the roster is that`,
      ),
    ),
    ...(roster.decrypt === undefined || paged === undefined
      ? []
      : [
          document.keyIssue(
            ['roster', 'decrypt'],
            `stands beside parts, for all, and ${paged.name} comes in pages, which are not encrypted: move it into the parts that are`,
          ),
        ]),
    ...parts.flatMap((part, at) => checkKeys(part, formats[at], ['roster', 'parts', at], document)),
  ];
}

function checkKeys(
  keys: Keys,
  format: RosterFormat | undefined,
  path: KeyPath,
  document: ConfigDocument,
): readonly ConfigIssue[] {
  const paged = isPaged(keys);
  const issues: ConfigIssue[] = [];
  if (paged && keys.decrypt !== undefined)
    issues.push(
      document.keyIssue(
        [...path, 'decrypt'],
        'is for one file, and source.pages puts a list together that is not encrypted: take one of them out',
      ),
    );
  if (paged && (keys.format === 'csv' || keys.format === 'xlsx'))
    issues.push(
      document.issue([...path, 'format'], `is ${keys.format}, and source.pages are JSON: leave it out`),
    );
  if (format === undefined) return issues;
  for (const { key, of } of idleKeys(keys, format)) {
    const why =
      paged && key[0] === 'records'
        ? 'is not read where the list comes in pages: where it is in each of them, source.records says'
        : `is for ${of}, and the roster is ${names[format]} (${paged ? 'source.pages' : 'format'}): take one of them out`;
    issues.push(document.keyIssue([...path, ...key], why));
  }
  return issues;
}
