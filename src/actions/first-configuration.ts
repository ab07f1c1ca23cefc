import type { Guess, GuessedState, Survey } from '../roster/index.ts';
import type { FirstPlatform } from './first-platform.ts';
import type { FirstSource } from './first-source.ts';

/** What a first configuration is written from. */
export type FirstConfiguration = {
  /** `roster.source`, as it will stand in the file. */
  readonly source: string | FirstSource['source'];
  /** `roster.decrypt`, with its secrets by name; undefined of a roster that is not encrypted. */
  readonly decrypt: Readonly<Record<string, string>> | undefined;
  /** A pattern for a name that changes every day; undefined where it has no date in it. */
  readonly pattern: string | undefined;
  readonly survey: Survey;
  readonly guess: Guess;
  readonly platforms: readonly FirstPlatform[];
  /** Where the JSON Schema stands, seen from the file. */
  readonly schema: string;
  /** What has to be edited before `check` passes, as it was found by reading the roster so. */
  readonly edits: readonly string[];
  /** Shares of rejected people to begin with all the same, in percent; undefined where the default does. */
  readonly rejectedPercent: number | undefined;
};

const plainText = /^(\.{0,2}\/)?[A-Za-zÀ-ɏ][A-Za-z0-9À-ɏ_ ./-]*[A-Za-z0-9À-ɏ]$/;
const reserved = /^(true|false|yes|no|on|off|null|y|n|~)$/i;
const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
const order: readonly GuessedState[] = ['terminated', 'leave', 'preHire', 'active'];
/** Columns that nothing uses are listed up to so many. */
const shownColumns = 40;

/** A text as YAML. */
function yaml(text: string): string {
  return plainText.test(text) && !reserved.test(text) ? text : JSON.stringify(text);
}

/** A mapping as YAML, on one line. */
function flow(values: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(values).map(([key, value]) => {
    if (typeof value === 'object' && value !== null) return `${key}: ${flow({ ...value })}`;
    return `${key}: ${typeof value === 'number' ? value : yaml(String(value))}`;
  });
  return `{ ${entries.join(', ')} }`;
}

/** The lines of a configuration that say where the roster is, and how it is opened. */
export function deliveryLines({
  source,
  decrypt,
}: Pick<FirstConfiguration, 'source' | 'decrypt'>): readonly string[] {
  return [
    `source: ${typeof source === 'string' ? yaml(source) : flow(source)}`,
    ...(decrypt === undefined ? [] : [`decrypt: ${flow(decrypt)}`]),
  ];
}

/** A CEL expression as YAML. */
function rule(expression: string): string {
  return `'${expression.replaceAll("'", "''")}'`;
}

function attribute(name: string): string {
  return identifier.test(name) ? `person.attributes.${name}` : `person.attributes[${JSON.stringify(name)}]`;
}

/** A comment: of whatever stands in it, one line. */
function comment(text: string): string {
  return `# ${text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')}`;
}

function count(rows: number): string {
  return `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'}`;
}

/** The text of a first `rollcall.yaml`. Of the roster, it holds names of columns, status values and counts, and nothing of a person. */
export function firstConfiguration(first: FirstConfiguration): string {
  const { survey } = first;
  const kind = { csv: 'CSV', xlsx: 'an Excel workbook', json: 'JSON', jsonl: 'JSON lines' }[survey.format];
  return `${[
    `# yaml-language-server: $schema=${first.schema}`,
    '#',
    comment(
      `Written by rollcall init from ${kind} of ${count(survey.rows)} and ${survey.columns.length} columns. What was guessed says why.`,
    ),
    ...(first.edits.length === 0
      ? [comment('rollcall check passes with it, once the secrets are set.')]
      : [comment('Before rollcall check passes:'), ...first.edits.map((edit) => comment(`  - ${edit}`))]),
    '',
    'dataDir: ./data',
    '',
    'roster:',
    ...rosterLines(first).map((line) => (line === '' ? '' : `  ${line}`)),
    '',
    'platforms:',
    ...first.platforms.flatMap(platformLines).map((line) => `  ${line}`),
    '',
    '# alerts: # on-call, when something needs somebody',
    '#   channels:',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of the configuration
    '#     - { type: slack, webhookUrl: "${SLACK_WEBHOOK_URL}" }',
  ].join('\n')}\n`;
}

function rosterLines({
  source,
  decrypt,
  pattern,
  survey,
  guess,
  rejectedPercent,
}: FirstConfiguration): readonly string[] {
  const { skip, encoding, records, sheet } = survey;
  const width = Math.max(4, ...guess.columns.map(({ field, column }) => `${field}: ${yaml(column)}`.length));
  const dates = guess.dateFormat;
  const formats = [...new Set(Object.values(dates?.formats ?? {}))];
  const [format] = formats;
  const [where = '', ...opened] = deliveryLines({ source, decrypt });
  return [
    `${where}${pattern === undefined ? '' : ` ${comment(`or ${JSON.stringify(pattern)}, where every export has a name of its own`)}`}`,
    ...opened,
    ...(encoding === undefined
      ? []
      : [
          `encoding: ${encoding.label} ${comment(`likely by its text${encoding.others.length === 0 ? '' : ` (or ${encoding.others.join(', ')})`}: look at a name with an accent in the first plan`)}`,
        ]),
    ...(records === undefined ? [] : [`records: ${yaml(records)} # the longest list in it`]),
    ...(sheet === undefined ? [] : [`sheet: ${yaml(sheet)} # the first that has a header`]),
    ...(skip.above + skip.below + skip.end === 0
      ? []
      : [
          `skip: { above: ${skip.above}, below: ${skip.below}, end: ${skip.end} } # lines above the header, a row of labels under it, a total at the end`,
        ]),
    'columns:',
    ...(guess.columns.some(({ field }) => field === 'id')
      ? []
      : ['  id: TODO # the column of the employee id']),
    ...guess.columns.map(
      ({ field, column, why }) => `  ${`${field}: ${yaml(column)}`.padEnd(width)} ${comment(why)}`,
    ),
    ...guess.notes.map(comment),
    ...unused(survey, guess),
    ...(dates === undefined || format === undefined
      ? []
      : [
          `dateFormat: ${
            formats.length === 1
              ? yaml(format)
              : `{ ${Object.entries(dates.formats)
                  .map(([field, one]) => `${field}: ${yaml(one)}`)
                  .join(', ')} }`
          } ${comment(dates.why)}`,
        ]),
    ...(guess.noDate.length === 0
      ? []
      : [`noDate: [${guess.noDate.map((text) => JSON.stringify(text)).join(', ')}] # dates that mean none`]),
    ...(guess.attributes.length === 0
      ? []
      : [
          `attributes: [${guess.attributes.map(yaml).join(', ')}] ${comment(`for rules: ${attribute(guess.attributes.at(-1) ?? '')}`)}`,
        ]),
    ...stateLines(guess),
    ...(rejectedPercent === undefined
      ? []
      : [
          `# maxRejected: ${rejectedPercent}% # to begin all the same: ids whose rows contradict each other are left as they are`,
        ]),
    '# expected: { maxAge: 26h } # how often does HR export? An older file then removes nobody',
  ];
}

function unused({ columns }: Survey, guess: Guess): readonly string[] {
  const used = new Set([...guess.columns.map(({ column }) => column), ...guess.attributes]);
  const names = columns.map(({ name }) => name).filter((name) => name !== '' && !used.has(name));
  if (names.length === 0) return [];
  const rest = names.length > shownColumns ? ` and ${names.length - shownColumns} more` : '';
  return [comment(`not used: ${names.slice(0, shownColumns).join(', ')}${rest}`)];
}

function stateLines({ statuses, onLeave, columns }: Guess): readonly string[] {
  if (!columns.some(({ field }) => field === 'status')) {
    return onLeave === undefined
      ? []
      : [
          'state:',
          `  - { is: leave, when: ${rule(`${attribute(onLeave.column)} == ${JSON.stringify(onLeave.value)}`)} }`,
          "  - { is: active, when: 'true' } # everybody else; an end date in the past makes them leavers",
        ];
  }
  const known = (state: GuessedState): readonly string[] =>
    statuses
      .filter(({ is }) => is === state)
      .map(
        ({ value, rows }) =>
          `  - { is: ${state}, when: ${rule(`person.status == ${JSON.stringify(value)}`)} } # ${count(rows)}`,
      );
  const leave =
    onLeave === undefined
      ? []
      : [
          `  - { is: leave, when: ${rule(`${attribute(onLeave.column)} == ${JSON.stringify(onLeave.value)}`)} }`,
        ];
  return [
    'state: # the first that matches counts; a status that none knows rejects its row',
    ...order.flatMap((state) => [...known(state), ...(state === 'leave' ? leave : [])]),
    ...statuses
      .filter(({ is }) => is === undefined)
      .map(
        ({ value, rows }) =>
          `  # - { is: active | leave | preHire | terminated, when: ${rule(`person.status == ${JSON.stringify(value)}`)} } # ${count(rows)}: what does it mean?`,
      ),
  ];
}

function platformLines({ name, provider, settings, comments }: FirstPlatform): readonly string[] {
  return [
    `${name}:`,
    `  provider: ${provider}`,
    ...Object.entries(settings).map(
      ([key, value]) => `  ${key}: ${value.startsWith('${') ? value : yaml(value)}`,
    ),
    ...comments.map((one) => `  ${comment(one)}`),
    '  mode: observe # plans, and nothing is written; then additive, then full',
    '  schedule: "0 2 * * *"',
  ];
}
