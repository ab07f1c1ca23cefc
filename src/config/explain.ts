import type { z } from 'zod';
import type { ConfigDocument } from './document.ts';
import type { ConfigIssue, KeyPath } from './issues.ts';
import { suggestion } from './nearest.ts';
import { descriptionsAt, keysAt, optionsAt } from './shape.ts';

type ZodIssue = z.core.$ZodIssue;

const expectations: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of keys to values',
  record: 'a mapping of keys to values',
};

/** What a value was checked against: `schema` describes the value at `path` of the document's data. */
export type Checked = {
  readonly document: ConfigDocument;
  readonly data: unknown;
  readonly schema: z.core.$ZodType;
  readonly path: KeyPath;
  /** Where a key belongs that is not known where it stands. */
  readonly homes?: (key: string) => readonly string[];
};

/** The validator's issues in our words: with places, the nearest known key, and no value repeated. */
export function explain(issues: readonly ZodIssue[], checked: Checked): readonly ConfigIssue[] {
  return issues.flatMap((issue) => explainOne(issue, checked));
}

function explainOne(issue: ZodIssue, checked: Checked): readonly ConfigIssue[] {
  const { document, schema, data } = checked;
  const inner = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const path = [...checked.path, ...inner];
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, inner, data);
    const there = mappingAt(data, inner);
    const wrongWay = Object.values(there).some((one) => typeof one === 'string' && known.includes(one));
    return issue.keys.map((key) => {
      const value = there[key];
      if (wrongWay && typeof value === 'string' && known.includes(value))
        return document.keyIssue([...path, key], `is the wrong way round: write ${value}: ${key}`);
      const homes = checked.homes?.(key).filter((home) => isNear(home, path)) ?? [];
      return document.keyIssue([...path, key], unknownKey(key, known, homes));
    });
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const branches: readonly (readonly ZodIssue[])[] = issue.errors;
    const best = branches.reduce((a, b) => (weight(b) < weight(a) ? b : a));
    const option = optionsAt(schema, inner, data)[branches.indexOf(best)];
    if (option !== undefined && weight(best) < wrongKind) {
      return explain(best, { ...checked, data: valueAt(data, inner), schema: option, path });
    }
    if (valueAt(data, inner) === undefined) return [document.issue(path, 'is required')];
    const atUnion = valueAt(data, inner);
    const bare = withoutUnit(atUnion, descriptionsAt(schema, inner, data));
    const number =
      typeof atUnion === 'number' ? branches.find(([first]) => first?.code !== 'invalid_type') : undefined;
    if (number !== undefined) return explain(number, { ...checked, data: atUnion, path });
    const several = Array.isArray(atUnion) && path.at(-1) === 'source';
    return [
      document.issue(
        path,
        several
          ? 'must be one path or source: deliveries that make up the roster together are parts'
          : (bare ?? unionProblem(branches)),
      ),
    ];
  }
  if (issue.code === 'invalid_key') {
    const why = issue.issues.map((nested) => nested.message).join('; ');
    return [document.keyIssue(path, `is not a name that can be used here: ${why}`)];
  }
  const value = valueAt(data, inner);
  const bare = issue.code === 'invalid_type' ? withoutUnit(value, descriptionsAt(schema, inner, data)) : null;
  const keys =
    issue.code === 'invalid_type' && issue.expected === 'object' ? keysAt(schema, inner, undefined) : [];
  const examples =
    keys.length === 0 || value === undefined || value === null
      ? ''
      : ` (${keys.slice(0, shownKeys).join(', ')}${keys.length > shownKeys ? ', …' : ''})`;
  return [document.issue(path, bare ?? `${problem(issue, value)}${examples}`)];
}

/** Keys of a mapping that a message names where something else stands. */
const shownKeys = 8;

/** Whether a key that stands at `path` may have been meant for `home`: at the top anything may; below, what has a common way. */
function isNear(home: string, path: KeyPath): boolean {
  const [top, ...rest] = path;
  if (top === undefined) return true;
  const here = path
    .map((part) => (typeof part === 'number' ? '[…]' : part))
    .join('.')
    .replaceAll('.[…]', '[…]');
  if (home === here) return false;
  return home.split('.')[0] === top || (rest.length === 0 && home.split('.')[0] !== 'control');
}

function mappingAt(data: unknown, path: KeyPath): Readonly<Record<string, unknown>> {
  const value = valueAt(data, path);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Where the key belongs, if anywhere; else `unknown key`, with the nearest known one, or all of them when none is near. */
export function unknownKey(key: string, known: readonly string[], homes: readonly string[] = []): string {
  if (homes.length > 0) return `is not a key here: it belongs under ${homes.join(' or ')}`;
  const near = suggestion(key, known);
  if (near !== '') return `unknown key${near}`;
  return known.length === 0 ? 'unknown key' : `unknown key; known here: ${known.join(', ')}`;
}

/** Above this weight a branch of a union is not what the author was writing. */
const wrongKind = 1_000;

function weight(issues: readonly ZodIssue[]): number {
  return issues.reduce((sum, issue) => {
    if (issue.code === 'unrecognized_keys') return sum + issue.keys.length;
    const kindIsWrong =
      issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
    return sum + (kindIsWrong ? wrongKind : 1);
  }, 0);
}

function unionProblem(branches: readonly (readonly ZodIssue[])[]): string {
  const kinds = branches.flatMap(([first]) => {
    if (first?.code === 'invalid_type') return [expectations[first.expected] ?? first.expected];
    return first?.code === 'invalid_value' ? [choices(first.values)] : [];
  });
  return `must be ${[...new Set(kinds)].join(' or ')}`;
}

function problem(issue: ZodIssue, value: unknown): string {
  const silent = value === undefined || value === null;
  if (issue.code === 'invalid_union') {
    const options = 'options' in issue ? (issue.options ?? []) : [];
    return silent ? `is required: ${choices(options)}` : mustBe(options, value);
  }
  if (!isStandardWording(issue.message)) return issue.message;
  if (value === undefined) return 'is required';
  if (value === null) return 'is empty; give it a value or leave the key out';
  switch (issue.code) {
    case 'invalid_type': {
      if (issue.expected === 'never') return 'is not a key of this provider';
      if (issue.expected === 'number' && typeof value === 'string' && /^\d+(\.\d+)? ?[a-z]+$/i.test(value))
        return 'must be a number, without a unit';
      const unquoted = issue.expected === 'string' && typeof value !== 'object';
      return `must be ${expectations[issue.expected] ?? issue.expected}${unquoted ? '; put the value in quotes' : ''}`;
    }
    case 'invalid_value':
      return mustBe(issue.values, value);
    case 'too_small':
      if (issue.origin === 'string' && issue.minimum === 1) return 'must not be empty';
      return `must ${issue.origin === 'number' || issue.origin === 'int' ? 'be' : 'have'} ${
        issue.inclusive === false ? 'more than' : 'at least'
      } ${issue.minimum}${unit(issue.origin)}`;
    case 'too_big':
      return `must ${issue.origin === 'number' || issue.origin === 'int' ? 'be' : 'have'} ${
        issue.inclusive === false ? 'less than' : 'at most'
      } ${issue.maximum}${unit(issue.origin)}`;
    case 'invalid_format':
      return issue.format === 'url'
        ? 'must be a URL such as https://host.example/path'
        : 'does not have the form expected here';
    default:
      return 'is not accepted here';
  }
}

/** A number where one with a unit belongs: quotes around it would not help. Null where it is something else. */
function withoutUnit(value: unknown, descriptions: readonly string[]): string | null {
  if (typeof value !== 'number') return null;
  const says = (beginning: string): boolean => descriptions.some((text) => text.startsWith(beginning));
  if (says('Requests in')) return 'is a number without a unit: write 5/s, 300/m or 1000/h';
  if (says('A duration')) return 'is a number without a unit: write 30s, 15m, 26h or 30d';
  if (says('A percentage')) return 'is a number without its sign: write 10% for ten in a hundred';
  return null;
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' entries' : '';
}

function mustBe(values: readonly unknown[], value: unknown): string {
  const near = typeof value === 'string' ? suggestion(value, values.map(String)) : '';
  return `must be ${choices(values)}${near}`;
}

function choices(values: readonly unknown[]): string {
  const words = values.map(String);
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** The validator's own words, as opposed to what a schema's author wrote. */
function isStandardWording(message: string): boolean {
  return /^(Invalid|Too (small|big)|Unrecognized)/.test(message);
}

function valueAt(data: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, part) => {
    if (typeof value !== 'object' || value === null) return undefined;
    return Object.hasOwn(value, part) ? (value as Record<string | number, unknown>)[part] : undefined;
  }, data);
}
