import type { Cause, ChangeKind } from '../change.ts';

/** A change with why it came up: what the journal has of it, or a plan. */
export type Caused = {
  readonly kind: ChangeKind;
  readonly target: string | null;
  readonly reason: string;
  /** Names of the fields that differ. */
  readonly changed: readonly string[];
  readonly cause: Cause | null;
};

/** Changes of one kind, and of one target where there is one, by what they have in common: the largest group first. */
export type CauseGroup = {
  readonly kind: ChangeKind;
  readonly target: string | null;
  readonly count: number;
  readonly causes: readonly { readonly why: string; readonly count: number }[];
  /** Of how many it is known, and where they work; the largest first. */
  readonly departments: readonly { readonly name: string; readonly count: number }[];
};

/** Groups that are named; what else there is, is counted. */
const shownCauses = 3;
const shownDepartments = 3;

/** A rule longer than this is shown from where it differs. */
const longestRule = 90;

/** The rule that came up, from what to what; the part that differs where it is long. */
function ruleWords({ from, to }: { readonly from: string | null; readonly to: string }): string {
  if (from === null) return `the rule is new: ${cut(to, 0)}`;
  let same = 0;
  while (same < from.length && from[same] === to[same]) same++;
  const at = Math.max(from.length, to.length) > longestRule ? Math.max(0, same - 20) : 0;
  return `the rule changed from ${cut(from, at)} to ${cut(to, at)}`;
}

function cut(rule: string, at: number): string {
  const rest = rule.slice(at);
  const shown = rest.length > longestRule ? `${rest.slice(0, longestRule)}…` : rest;
  return `"${at > 0 ? '…' : ''}${shown}"`;
}

const words: Readonly<Record<string, string>> = {
  NEW_PERSON: 'new on the roster',
  BACK_ON_ROSTER: 'back on the roster',
  TERMINATED: 'left',
  ACCOUNT_RULE_FALSE: 'the account rule does not hold for them',
  TARGET_RULE_TRUE: 'the rule of the target holds for them',
  TARGET_RULE_FALSE: 'the rule of the target does not hold for them',
  EMAIL_MOVED: 'their address changed',
  UNDO: 'taken back',
};

/** Why a change came up, in words. `values`: with the values that are nobody's in particular; else with columns only. */
function whyOf({ reason, changed, cause }: Caused, values: boolean): string {
  const moves = cause?.moves ?? [];
  const moved = moves
    .map(({ column, from, to }) =>
      values && from !== null && to !== null
        ? `${column} changed from ${from === '' ? 'empty' : from} to ${to === '' ? 'empty' : to}`
        : `${column} changed`,
    )
    .join(' and ');
  if (reason === 'ABSENT') {
    const exports = cause?.exports ?? null;
    return exports === null ? 'missing from the roster' : `missing from ${exports} exports`;
  }
  const rule = moved !== '' || cause?.rule == null ? '' : values ? ruleWords(cause.rule) : 'the rule changed';
  const more = moved === '' ? rule : moved;
  if (reason === 'TERMINATED') return more === '' ? 'left' : `left, ${more}`;
  if (moved !== '') return moved;
  if (rule !== '') return rule;
  if (reason === 'FIELDS_DIFFER' && changed.length > 0) return `${changed.join(', ')} differ`;
  return words[reason] ?? reason;
}

/** Why a change came up, in words, with the values that are nobody's in particular. */
export function describeCause(change: Caused): string {
  return whyOf(change, true);
}

type Bucket = {
  readonly kind: ChangeKind;
  readonly target: string | null;
  count: number;
  readonly precise: Map<string, number>;
  readonly rough: Map<string, number>;
  readonly departments: Map<string, number>;
};

/** Collects changes by what they have in common; their order does not matter, and none of them is kept. */
export type CauseGroups = {
  readonly add: (change: Caused) => void;
  /** `brief`: without values and departments, for those who must not see them. */
  readonly groups: (brief?: boolean) => readonly CauseGroup[];
};

/** Empty groups. */
export function createCauseGroups(): CauseGroups {
  const buckets = new Map<string, Bucket>();
  return {
    add: (change) => {
      const { kind, target } = change;
      const key = `${kind}\n${target ?? ''}`;
      let bucket = buckets.get(key);
      if (bucket === undefined) {
        bucket = { kind, target, count: 0, precise: new Map(), rough: new Map(), departments: new Map() };
        buckets.set(key, bucket);
      }
      bucket.count++;
      add(bucket.precise, whyOf(change, true));
      add(bucket.rough, whyOf(change, false));
      const department = change.cause?.department ?? null;
      if (department !== null) add(bucket.departments, department);
    },
    groups: (brief = false) =>
      [...buckets.values()].map(({ kind, target, count, precise, rough, departments }) => ({
        kind,
        target,
        count,
        causes: sorted(brief || precise.size > shownCauses ? rough : precise).map(([why, of]) => ({
          why,
          count: of,
        })),
        departments: brief ? [] : sorted(departments).map(([name, of]) => ({ name, count: of })),
      })),
  };
}

/** Groups changes by what they have in common. */
export function groupByCause(changes: Iterable<Caused>, brief = false): readonly CauseGroup[] {
  const all = createCauseGroups();
  for (const change of changes) all.add(change);
  return all.groups(brief);
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sorted(counts: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

/** Names of targets and how many members we manage there. */
export type TargetNames = (id: string) => { readonly name: string; readonly members: number | null };

/** What the changes of a group have in common: `all of them: Cost changed from FIN to empty (Sales 8, IT 4)`. */
export function describeCauses({ count, causes, departments }: CauseGroup): string {
  const shown = causes.slice(0, shownCauses);
  const rest = count - shown.reduce((sum, one) => sum + one.count, 0);
  const [first] = shown;
  const why =
    shown.length === 1 && rest === 0
      ? `${count === 1 ? '' : 'all of them: '}${first?.why}`
      : [
          ...shown.map((one) => `${one.count} ${one.why}`),
          ...(rest > 0 ? [`${rest} for other reasons`] : []),
        ].join(', ');
  const known = departments.slice(0, shownDepartments);
  if (known.length === 0) return why;
  const more = departments.length > known.length ? ', …' : '';
  return `${why} (${known.map(({ name, count: of }) => `${name} ${of}`).join(', ')}${more})`;
}

/** A group as a sentence: `12 of 12 of Payment fraud; all of them: Cost changed from FIN to empty`. */
export function describeGroup(group: CauseGroup, nameOf: TargetNames): string {
  const { kind, target, count } = group;
  const { name, members } = target === null ? { name: null, members: null } : nameOf(target);
  const what =
    name === null
      ? `${count} ${kind}`
      : kind === 'unenroll' && members !== null
        ? `${count} of ${members} of ${name}`
        : `${count} ${kind} of ${name}`;
  return `${what}; ${describeCauses(group)}`;
}
