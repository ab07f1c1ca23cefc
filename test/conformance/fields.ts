import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { SandboxRequest, SandboxResponse } from '../../sandbox/server.ts';
import type { Bench, Harness, Means, Open, Verdict } from './harness.ts';
import { ask, type Came, prepareNight, type Step } from './night.ts';

type Path = readonly string[];
type Mutation = keyof Means;

const word = 'Frozen';
/** More of these are shown to people, or are words of the vendor's. */
const mutations: Readonly<Record<Mutation, (value: unknown) => unknown>> = {
  null: () => null,
  absent: () => undefined,
  type: (value) => {
    if (typeof value === 'string' || value === null) return true;
    if (Array.isArray(value)) return { [word]: word };
    return word;
  },
  word: () => word,
};

/** What a field of each kind means, unless the table says otherwise for one mutation. */
export const needed: Means = { null: 'fails', absent: 'fails', type: 'fails', word: 'other' };
export const mayBeEmpty: Means = { null: 'empty', absent: 'empty', type: 'fails', word: 'passes' };
/** Of a list with a total: none at all is not as many. */
export const counted: Means = { null: 'incomplete', absent: 'incomplete', type: 'fails' };
/** The rows of such a list. */
export const row: Means = { null: 'fails', absent: 'incomplete', type: 'fails' };
/** Null and nothing change nothing; another type is a fault. */
export const typed: Means = { type: 'fails' };
/** Does not matter, but people see it. */
export const shownOnly: Means = { null: 'shown', absent: 'shown', type: 'shown', word: 'shown' };

/** The type of a value, as messages say it. */
function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value;
}

/** All places of an answer: of lists the first entry, as `*`. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  const own = path.length === 0 ? [] : [path];
  if (Array.isArray(value)) return [...own, ...(value.length === 0 ? [] : pathsOf(value[0], [...path, '*']))];
  if (typeof value !== 'object' || value === null) return own;
  return [...own, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const key of path)
    found = (found as Record<string, unknown> | undefined | null)?.[key === '*' ? '0' : key];
  return found;
}

/** The answer with one place changed; undefined takes it out. The answer as it is where the place is not there. */
function changedAt(value: unknown, [key, ...rest]: Path, change: (value: unknown) => unknown): unknown {
  if (key === undefined) return change(value);
  if (Array.isArray(value)) {
    if (value.length === 0) return value;
    const [first, ...others] = value;
    const next = changedAt(first, rest, change);
    return next === undefined ? others : [next, ...others];
  }
  if (typeof value !== 'object' || value === null || !(key in value)) return value;
  const next = changedAt((value as Record<string, unknown>)[key], rest, change);
  const { [key]: _old, ...others } = value as Record<string, unknown>;
  return next === undefined ? others : { ...value, [key]: next };
}

type Difference = { readonly at: string; readonly was: unknown; readonly is: unknown };

function differences(was: unknown, is: unknown, at = ''): Difference[] {
  if (isDeepStrictEqual(was, is)) return [];
  const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
  if (isObject(was) && isObject(is) && Array.isArray(was) === Array.isArray(is)) {
    const keys = new Set([...Object.keys(was), ...Object.keys(is)]);
    return [...keys].flatMap((key) =>
      differences(valueAt(was, [key]), valueAt(is, [key]), at === '' ? key : `${at}.${key}`),
    );
  }
  return [{ at, was, is }];
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || isDeepStrictEqual(value, []);

/** Whether somebody, or their result, counts as not having completed: nothing else may follow. */
function isOpened({ at, is }: Difference): boolean {
  const field = at.slice(at.lastIndexOf('.') + 1);
  if (field === 'completed') return is === false;
  if (field === 'status') return is === 'open';
  return field === 'rawStatus' || ((field === 'score' || field === 'at') && is === null);
}

/** What a mutation came to, in the order of what is best. */
function judge(
  steps: Readonly<Record<string, Came>>,
  base: Readonly<Record<string, Came>>,
  label: string,
): Verdict | string {
  const failed = Object.values(steps).flatMap((came) => ('failed' in came ? [came.failed] : []));
  const known = Object.values(base).flatMap((came) => ('failed' in came ? [came.failed] : []));
  const fresh = failed.filter((message) => !known.includes(message));
  if (fresh.length > 0) {
    const silent = fresh.filter((message) => !message.includes(label));
    if (silent.length > 0 && silent.every((message) => /^READ_INCOMPLETE .*\d/.test(message)))
      return 'incomplete';
    if (silent.length > 0 && silent.every((message) => message.startsWith('TARGET_UNKNOWN ')))
      return 'unknown';
    return silent.length === 0 ? 'fails' : `fails without naming ${label}: ${silent[0]}`;
  }
  const found = differences(base, steps);
  if (found.length === 0) return 'same';
  if (found.some(({ at, is }) => at.endsWith('.ok') && is === false)) return 'refused';
  if (found.every(({ is }) => isEmpty(is))) return 'empty';
  if (found.every(isOpened)) return 'open';
  if (found.every(({ is }) => typeof is === 'string' && is.toLowerCase().includes(word.toLowerCase())))
    return 'passes';
  if (
    found.every(
      ({ at }) => at.startsWith('listing.') || at.startsWith('warnings.') || at.endsWith('.rawStatus'),
    )
  )
    return 'shown';
  return `else: ${found
    .map(({ at, was, is }) => `${at}: ${JSON.stringify(was)} → ${JSON.stringify(is)}`)
    .slice(0, 3)
    .join('; ')}`;
}

type Seen = { readonly operation: string; readonly path: Path; readonly value: unknown };

/**
 * Every field of every answer is tried as null, absent, of another type and as an unknown word. What a run needs fails it
 * with the full path and what came; what it does not need changes nothing; and nothing is taken for something else.
 */
export function describeFields(harness: Harness, open: Open): void {
  const { answers } = harness;
  if (answers === null) {
    it.skip('every field of its answers (in the table of another harness of this provider)', () => undefined);
    return;
  }

  /** An operation without the ids in its path. */
  function operationOf(bench: Bench, { method, path }: Pick<SandboxRequest, 'method' | 'path'>): string {
    const ids = new Set(bench.started.ids?.() ?? []);
    return `${method} ${path
      .split('/')
      .map((part) => (ids.has(decodeURIComponent(part)) ? '{id}' : part))
      .join('/')}`;
  }

  /** Ids differ from one start to the next, and so do times. */
  function plain(bench: Bench, value: unknown): unknown {
    let text = JSON.stringify(value ?? null);
    for (const [at, id] of [...(bench.started.ids?.() ?? [])].entries()) text = text.replaceAll(id, `#${at}`);
    return JSON.parse(text.replaceAll(/\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:?\d\d)/g, '@')) as unknown;
  }

  async function run(bench: Bench, steps: readonly Step[]): Promise<Record<string, Came>> {
    const came: Record<string, Came> = {};
    for (const step of steps) came[step.name] = plain(bench, await ask(step)) as Came;
    if (steps.some(({ writes }) => writes))
      came['there'] = { gave: plain(bench, bench.started.accountsThere()) };
    return came;
  }

  /** Changes each answer of an operation from now on. */
  function tamper(
    bench: Bench,
    operation: string,
    change: (response: SandboxResponse) => SandboxResponse,
  ): () => void {
    return bench.sandbox.fail({
      times: Number.POSITIVE_INFINITY,
      when: (request) => operationOf(bench, request) === operation,
      effect: { do: 'rewrite', rewrite: change },
    });
  }

  describe('every field of its answers', () => {
    it('is needed and says so, or does not matter', { timeout: 180_000 }, async () => {
      const first = await open({ keepOpen: true });
      const steps = await prepareNight(harness, first);
      const seen = new Map<string, Seen>();
      const stepsOf = new Map<string, Set<string>>();
      let now = '';
      let last: SandboxRequest | undefined;
      first.sandbox.fail({
        times: Number.POSITIVE_INFINITY,
        when: (request) => {
          last = request;
          return true;
        },
        effect: {
          do: 'rewrite',
          rewrite: (response) => {
            if (last === undefined || response.json === undefined) return response;
            const operation = operationOf(first, last);
            stepsOf.set(operation, (stepsOf.get(operation) ?? new Set()).add(now));
            for (const path of pathsOf(response.json)) {
              const key = `${operation} ${path.join('.')}`;
              // Somewhere it may stand with a value.
              if (isEmpty(seen.get(key)?.value))
                seen.set(key, { operation, path, value: valueAt(response.json, path) });
            }
            return response;
          },
        },
      });
      const base: Record<string, Came> = {};
      for (const step of steps) {
        now = step.name;
        base[step.name] = plain(first, await ask(step)) as Came;
        expect(base[step.name], step.name).not.toHaveProperty('failed');
      }
      first.sandbox.clearFaults();
      // Reads leave the platform as it was: they share one.
      const shared = await open({ keepOpen: true });
      const sharedSteps = await prepareNight(harness, shared);

      let rows = 0;
      const wrong: string[] = [];
      const baseOf = new Map<string, Record<string, Came>>();
      /** One operation, some of its fields changed in one way. */
      async function attempt(
        operation: string,
        fields: readonly Seen[],
        mutation: Mutation,
      ): Promise<string> {
        const names = stepsOf.get(operation) ?? new Set();
        const isRead = steps.every(({ name, writes }) => !names.has(name) || !writes);
        const bench = isRead ? shared : await open({ keepOpen: true });
        const all = isRead ? sharedSteps : await prepareNight(harness, bench);
        const some = all.filter(({ name }) => names.has(name));
        const key = `${isRead} ${[...names].join()}`;
        const restore = tamper(bench, operation, (response) => ({
          ...response,
          json: fields.reduce((json, { path }) => changedAt(json, path, mutations[mutation]), response.json),
        }));
        const came = await run(bench, some);
        restore();
        let clean = baseOf.get(key);
        if (clean === undefined) {
          const other = isRead ? shared : await open({ keepOpen: true });
          const otherSteps = isRead ? sharedSteps : await prepareNight(harness, other);
          clean = await run(
            other,
            otherSteps.filter(({ name }) => names.has(name)),
          );
          baseOf.set(key, clean);
          if (!isRead) await other.close();
        }
        if (!isRead) await bench.close();
        const [{ path, value } = { path: [], value: '' }] = fields;
        const type = mutation === 'type' ? kindOf(mutations.type(value)) : '';
        const what = { null: 'null', absent: 'nothing', type, word: 'string' }[mutation];
        const at = path.map((part) => (part === '*' ? '0' : part)).join('.');
        return judge(came, clean, `${at}: ${what}`);
      }

      for (const [operation, fields] of Map.groupBy(seen.values(), (field) => field.operation)) {
        const named = answers[operation] ?? {};
        for (const mutation of Object.keys(mutations) as Mutation[]) {
          const tried = fields.filter(
            ({ value }) =>
              (mutation !== 'word' || typeof value === 'string') && (mutation !== 'null' || value !== null),
          );
          const meant = (field: Seen): Verdict => named[field.path.join('.')]?.[mutation] ?? 'same';
          // What does not matter, does not matter together either. Deeper places go first.
          const idle = tried
            .filter((field) => meant(field) === 'same')
            .toSorted((one, other) => other.path.length - one.path.length);
          const verdict = idle.length === 0 ? 'same' : await attempt(operation, idle, mutation);
          const alone = verdict === 'same' ? tried.filter((field) => meant(field) !== 'same') : tried;
          rows += tried.length;
          for (const field of alone) {
            const expected = meant(field);
            if (expected === 'other') continue;
            const is = await attempt(operation, [field], mutation);
            if (is !== expected && !(expected === 'passes' && is === 'same'))
              wrong.push(`${operation} ${field.path.join('.')} ${mutation}: expected ${expected}, but ${is}`);
          }
        }
      }
      await Promise.all([first.close(), shared.close()]);
      expect(wrong).toEqual([]);
      // The table names nothing that is not there.
      const there = new Set(
        [...seen.values()].map(({ operation, path }) => `${operation} ${path.join('.')}`),
      );
      const named = Object.entries(answers).flatMap(([operation, fields]) =>
        Object.keys(fields).map((field) => `${operation} ${field}`),
      );
      expect(named.filter((name) => !there.has(name))).toEqual([]);
      expect(rows).toBeGreaterThan(20);
    });
  });
}
