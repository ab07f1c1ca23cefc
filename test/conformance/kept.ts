import { describe, expect } from 'vitest';
import type { AccountItem } from '../../src/providers/contract.ts';
import {
  type Bench,
  type Case,
  type Harness,
  married,
  type Open,
  people,
  type SamplePerson,
} from './harness.ts';

/** All texts, numbers and flags of a record, by their place. */
function leaves(value: unknown, at = ''): Map<string, unknown> {
  if (typeof value !== 'object' || value === null) return new Map([[at, value]]);
  return new Map(
    Object.entries(value).flatMap(([key, inner]) => [...leaves(inner, at === '' ? key : `${at}.${key}`)]),
  );
}

/** What differs between two records, as `place: was → is`. */
function differences(was: unknown, is: unknown): string[] {
  const [before, after] = [leaves(was), leaves(is)];
  const places = new Set([...before.keys(), ...after.keys()]);
  return [...places]
    .filter((place) => before.get(place) !== after.get(place))
    .map((place) => `${place}: ${String(before.get(place))} → ${String(after.get(place))}`);
}

/** An item with the fields that every platform has, and none that a rule of the configuration would have to fill. */
function itemOf(
  bench: Bench,
  kind: AccountItem['kind'],
  person: SamplePerson,
  ref: AccountItem['ref'],
  was: AccountItem['fields'] = {},
): AccountItem {
  const { firstName = '', lastName = '' } = person.fields;
  const values: Readonly<Record<string, string>> = { ...person.fields, fullName: `${firstName} ${lastName}` };
  const fields = Object.fromEntries(
    Object.entries(bench.provider.capabilities.fields).flatMap(([name, { from }]) => {
      const value = from === null ? undefined : values[from];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
  const changed = kind === 'update' ? Object.keys(fields).filter((name) => was[name] !== fields[name]) : [];
  return { kind, person: person.person, ref, fields, changed };
}

/** What Rollcall does not manage stays as it is. */
export function describeKept(harness: Harness, open: Open, test: Case): void {
  const reason =
    harness.capabilities.accounts === 'write'
      ? undefined
      : (harness.capabilities.missing.accounts ?? 'no accounts');

  describe('an account with every field that the API knows', () => {
    test('keeps all but the name, when it is renamed, deactivated and reactivated', reason, async () => {
      const bench = await open();
      const [person] = people(1) as [SamplePerson];
      const [renamed] = married([person]) as [SamplePerson];
      if (bench.started.seedWhole === undefined) throw new Error('the harness has no seedWhole');
      await bench.started.seedWhole(person);
      const [account] = await bench.accountsOf([person]);
      const ref = { id: account?.id ?? null, externalId: account?.externalId ?? null, email: person.email };
      const there = (): unknown => structuredClone(bench.started.accountsThere());
      const first = there();
      expect(leaves(first).size).toBeGreaterThan(4);

      expect(await bench.apply([itemOf(bench, 'update', renamed, ref, account?.fields)])).toMatchObject([
        { ok: true },
      ]);
      const second = there();
      const rename = differences(first, second);
      expect(rename).not.toEqual([]);
      // The new name, wherever it stands, and nothing else.
      expect(rename.filter((line) => !line.endsWith(' Quill'))).toEqual([]);

      expect(await bench.apply([itemOf(bench, 'deactivate', renamed, ref)])).toMatchObject([{ ok: true }]);
      // Its state, in whatever word the platform has for it, and nothing else.
      expect(differences(second, there())).toHaveLength(1);
      expect(await bench.accountsOf([renamed])).toMatchObject([{ active: false }]);

      expect(await bench.apply([itemOf(bench, 'reactivate', renamed, ref)])).toMatchObject([{ ok: true }]);
      expect(differences(second, there())).toEqual([]);
    });
  });
}
