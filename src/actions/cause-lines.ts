import type { ChangeCounts, ChangeKind, SeenRow } from '../change.ts';
import { type Caused, describeCause } from '../diff/causes.ts';

/** Changes of one kind, target and cause, as one line of a table. */
export type CauseLine = {
  readonly kind: ChangeKind;
  /** What the target is called; null where the change has none. */
  readonly target: string | null;
  readonly why: string;
  readonly count: number;
  /** Of all accounts that are ours, or of the target's members, in percent; null where there are none. */
  readonly percent: number | null;
  /** What an ordinary day has of that kind; null while nobody can tell. */
  readonly ordinary: number | null;
  /** Sites, or departments where no site is known, the largest first. */
  readonly places: readonly { readonly name: string; readonly count: number }[];
};

/** A change with whose it is. */
export type CausedOne = Caused & { readonly person: string };

/** What the numbers of the lines are beside. */
export type Beside = {
  readonly nameOf: (target: string) => string;
  readonly managed: number;
  readonly members: Readonly<Record<string, number>>;
  readonly ordinary: ChangeCounts | null;
};

/** Collects changes by cause; none of them is kept. */
export type CauseLines = {
  readonly add: (change: CausedOne) => void;
  /** The largest group first. */
  readonly lines: (beside: Beside) => readonly CauseLine[];
};

/** No changes yet; `rowOf` finds what is known of a person's row. */
export function createCauseLines(rowOf: (change: CausedOne) => SeenRow | null): CauseLines {
  const groups = new Map<
    string,
    { first: Caused; why: string; count: number; places: Map<string, number> }
  >();
  return {
    add: (change) => {
      const why = describeCause(change);
      const key = `${change.kind}\n${change.target ?? ''}\n${why}`;
      let group = groups.get(key);
      if (group === undefined) {
        group = { first: change, why, count: 0, places: new Map() };
        groups.set(key, group);
      }
      group.count++;
      const row = rowOf(change);
      const place = row?.site ?? row?.department ?? change.cause?.department ?? null;
      if (place !== null) group.places.set(place, (group.places.get(place) ?? 0) + 1);
    },
    lines: ({ nameOf, managed, members, ordinary }) =>
      [...groups.values()]
        .sort((a, b) => b.count - a.count || (a.why < b.why ? -1 : 1))
        .map(({ first: { kind, target }, why, count, places }) => {
          const whole = target === null ? managed : (members[target] ?? 0);
          return {
            kind,
            target: target === null ? null : nameOf(target),
            why,
            count,
            percent: whole > 0 ? (100 * count) / whole : null,
            ordinary: ordinary === null ? null : ordinary[kind],
            places: [...places]
              .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
              .map(([name, number]) => ({ name, count: number })),
          };
        }),
  };
}
