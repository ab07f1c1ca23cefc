import { z } from 'zod';
import type { ProviderSettingsRegistry } from './registry.ts';
import { customerBase, type PlatformSettings, platformBase } from './schema.ts';

/** What is said of a key beyond its schema: what it is for, why its default is what it is, and an example. */
export type KeyNote = { readonly what: string; readonly why?: string; readonly example?: string };

type JsonSchema = {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
};

/** One key of the configuration, as the reference shows it. */
export type ReferenceKey = {
  readonly key: string;
  readonly kind: string;
  readonly isRequired: boolean;
  readonly default: string | null;
};

const largest = 1_000_000;

/** All keys below a schema, by their path; a list's entries are `key[]`. */
export function keysOf(schema: z.core.$ZodType, prefix = ''): readonly ReferenceKey[] {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-07',
    unrepresentable: 'any',
  }) as JsonSchema;
  return [...walk(json, prefix)];
}

function* walk(schema: JsonSchema, path: string): Generator<ReferenceKey> {
  const required = new Set(schema.required);
  for (const [name, value] of Object.entries(schema.properties ?? {})) {
    const key = path === '' ? name : `${path}.${name}`;
    const isGroup = value.properties !== undefined;
    if (!isGroup || value.default === undefined || Object.keys(value.default as object).length > 0)
      yield { key, kind: kindOf(value), isRequired: required.has(name), default: defaultOf(value) };
    // Six kinds of change with the same three keys are told once.
    if (/^limits\.(?!deactivate)/.test(key)) continue;
    if (isGroup) yield* walk(value, key);
    else {
      // What a part has of the roster's own keys is told there.
      const own = new Set(Object.keys(schema.properties ?? {}));
      for (const one of inside(value, key))
        if (key !== 'parts' || !own.has(/^parts\[\]\.(\w+)/.exec(one.key)?.[1] ?? '')) yield one;
    }
  }
}

/** The keys of a list's entries, and of the mappings among which one is chosen. */
function* inside(schema: JsonSchema, key: string): Generator<ReferenceKey> {
  const found = new Map<string, ReferenceKey>();
  for (const choice of schema.anyOf ?? schema.oneOf ?? []) {
    for (const one of choice.properties === undefined ? inside(choice, key) : walk(choice, key)) {
      const same = found.get(one.key);
      const kind = same === undefined || same.kind === one.kind ? one.kind : `${same.kind}, ${one.kind}`;
      found.set(one.key, { ...one, kind });
    }
  }
  yield* found.values();
  if (schema.items === undefined) return;
  if (schema.items.properties === undefined) yield* inside(schema.items, `${key}[]`);
  else yield* walk(schema.items, `${key}[]`);
}

function kindOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return [...new Set(choices.map(kindOf))].join(', or ');
  if (schema.type === 'array')
    return `list of ${schema.items === undefined ? 'values' : kindOf(schema.items)}`;
  if (schema.type === 'object') return 'mapping';
  if (schema.type === 'integer' || schema.type === 'number') {
    const from = schema.minimum === undefined || schema.minimum < -largest ? '' : ` from ${schema.minimum}`;
    const to = schema.maximum === undefined || schema.maximum > largest ? '' : ` to ${schema.maximum}`;
    return `${schema.type === 'integer' ? 'whole number' : 'number'}${from}${to}`;
  }
  if (schema.type === 'boolean') return '`true`, `false`';
  return schema.description === undefined ? 'text' : words(schema.description);
}

function words(description: string): string {
  return /^\p{Lu}[\p{Ll} ]/u.test(description)
    ? description.charAt(0).toLowerCase() + description.slice(1)
    : description;
}

function defaultOf(schema: JsonSchema): string | null {
  if (schema.default === undefined) return null;
  return typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function table(
  keys: readonly ReferenceKey[],
  notes: Readonly<Record<string, KeyNote>>,
  prefix: string,
): string {
  const rows = keys.map(({ key, kind, isRequired, default: value }) => {
    const note = notes[`${prefix}${key}`] ?? notes[key];
    const fallback = isRequired ? '**required**' : value === null ? '' : `\`${value}\``;
    const what = [note?.what ?? '', note?.why === undefined ? '' : `Why: ${note.why}`].filter(
      (text) => text !== '',
    );
    const example = note?.example === undefined ? '' : `\`${note.example}\``;
    return `| \`${key}\` | ${cell(kind)} | ${cell(fallback)} | ${cell(what.join(' '))} | ${cell(example)} |`;
  });
  return [
    '| key | what it takes | default | what it is for | example |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** Everything that the reference lists, by section. */
export function referenceSections(registry: ProviderSettingsRegistry): readonly {
  readonly title: string;
  readonly prefix: string;
  readonly keys: readonly ReferenceKey[];
}[] {
  const { roster, alerts, control, ...rest } = customerBase.shape;
  const common = keysOf(platformBase);
  const isCommon = new Set(common.map(({ key }) => key));
  const own = (settings: PlatformSettings): readonly ReferenceKey[] =>
    keysOf(settings).filter(({ key }) => !isCommon.has(key) && key !== 'provider');
  return [
    { title: 'The customer', prefix: '', keys: keysOf(z.strictObject(rest)) },
    { title: 'Roster', prefix: 'roster.', keys: keysOf(roster) },
    { title: 'Platforms', prefix: 'platforms.', keys: common },
    ...Object.entries(registry).map(([name, { settings }]) => ({
      title: `Platforms: ${name}`,
      prefix: `platforms.${name}.`,
      keys: own(settings),
    })),
    { title: 'Alerts', prefix: 'alerts.', keys: keysOf(alerts) },
    { title: 'Control', prefix: 'control.', keys: keysOf(control) },
  ];
}

/** The reference as a page. */
export function referencePage(
  registry: ProviderSettingsRegistry,
  notes: Readonly<Record<string, KeyNote>>,
  introduction: string,
): string {
  const sections = referenceSections(registry).map(
    ({ title, prefix, keys }) => `## ${title}\n\n${table(keys, notes, prefix)}\n`,
  );
  return `${introduction.trim()}\n\n${sections.join('\n')}`;
}
