import { hash32 } from '../../diff/look.ts';
import { incompleteReasons, type RosterProof } from '../../roster/index.ts';
import type { PartMembers } from '../../store/roster-parts.ts';
import type { Store } from '../../store/store.ts';
import type { Customer, Part } from '../customer.ts';

/** Parts without a past of their own, as they are read: what was called otherwise until now has one. */
export type Heirs = {
  readonly see: (part: number, person: string) => void;
  /** Once all have been read: the part, not configured any more, that this one is now, and what its sizes say of it. */
  readonly judge: (
    part: Part,
    proof: RosterProof,
  ) => Promise<{ readonly proof: RosterProof; readonly formerly: string | null }>;
};

const nobody: Heirs = {
  see: () => undefined,
  judge: async (_, proof) => ({ proof, formerly: null }),
};

/** Looks for parts that are called otherwise than last: whoever is in them was in one that is not configured any more. */
export async function openHeirs(
  { name: customer, parts }: Pick<Customer, 'name' | 'parts'>,
  store: Pick<Store, 'roster'>,
  nowMs: number,
): Promise<Heirs> {
  if (parts[0]?.name === '') return nobody;
  const members = await store.roster.members(customer);
  const gone = members.filter((one) => !parts.some(({ name }) => name === one.part));
  if (gone.length === 0) return nobody;
  const people = parts.map(() => [] as number[]);
  return {
    see: (part, person) => void people[part]?.push(hash32(person)),
    judge: async (part, proof) => {
      // What has had a good export has a past of its own.
      const own = await store.roster.baseline(customer, part.name, nowMs);
      const formerly = own.endsInLine === null ? formerOf(part.at, people, gone) : null;
      if (formerly === null) return { proof, formerly };
      const past = await store.roster.baseline(customer, formerly, nowMs);
      const counts = { ...proof, perShrinkValue: new Map(Object.entries(proof.perShrinkValue)) };
      const baseline = {
        maxPeople: past.maxPeople,
        maxPerShrinkValue: past.maxPerValue,
        endsInLine: past.endsInLine,
      };
      const { config, dueMs: lastExpectedMs } = part;
      const reasons = incompleteReasons(counts, { config, baseline, nowMs, lastExpectedMs }).filter(
        ({ code }) => code === 'ROSTER_SHRUNK' || code === 'ROSTER_SHRUNK_VALUE',
      );
      if (reasons.length === 0) return { proof, formerly };
      return { proof: { ...proof, complete: false, reasons: [...proof.reasons, ...reasons] }, formerly };
    },
  };
}

/**
 * The part that at least half of these people were in, and whose people are hardly in any other one now: one that was split
 * or merged is no measure for what came of it.
 */
function formerOf(
  at: number,
  people: readonly (readonly number[])[],
  gone: readonly PartMembers[],
): string | null {
  for (const { part, ids } of gone) {
    const had = new Set(ids);
    const counts = people.map((of) => of.filter((id) => had.has(id)).length);
    const own = counts[at] ?? 0;
    const elsewhere = counts.reduce((sum, count) => sum + count, -own);
    if (own > 0 && own * 2 >= (people[at]?.length ?? 0) && elsewhere * 10 <= ids.length) return part;
  }
  return null;
}
