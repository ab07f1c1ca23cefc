import { IdIndex } from '../id-index.ts';
import type { PersonState } from '../person.ts';

/** What follows for a row whose id may be in another part, too. */
export type AcrossVerdict =
  /** Theirs is the row that counts. */
  | 'counts'
  /** An earlier part has them: this row is passed over. */
  | 'passed over'
  /** Nobody knows which row is right: the person is rejected. `taken back`: and was not before. */
  | 'rejected'
  | 'taken back'
  /** They have left by this row as by the others: whatever spares them by one of them spares them. */
  | 'left too';

/** Which part has whom: an id counts in one part only. 10 bytes a person beside the index of their ids. */
export type Across = {
  readonly person: (id: string, state: PersonState, part: number) => AcrossVerdict;
  /** A rejected row of somebody. */
  readonly rejected: (id: string, part: number) => AcrossVerdict;
  /** Whether the part that takes a person back is the one that counts for them. */
  readonly retracts: (id: string, part: number) => boolean;
  /** The part that counts for somebody. */
  readonly partOf: (id: string) => number | undefined;
  /** What was read of a part counts no more: it broke off. Its people are in no other part meanwhile. */
  readonly lost: (part: number) => void;
};

const rejected = 1;
const left = 2;

/** Keeps the parts apart; they are read in the order in which they are configured. */
export function createAcross(onBoth: 'reject' | 'first'): Across {
  const ids = new IdIndex();
  let parts = new Uint8Array(1_024);
  let standing = new Uint8Array(1_024);
  const gone = new Set<number>();

  function add(id: string, part: number, as: number): boolean {
    if (!ids.add(id)) return false;
    const slot = ids.size - 1;
    if (slot === parts.length) {
      parts = grown(parts);
      standing = grown(standing);
    }
    parts[slot] = part;
    standing[slot] = as;
    return true;
  }

  function again(id: string, part: number, hasLeft: boolean): AcrossVerdict {
    const slot = ids.find(id);
    const of = parts[slot] ?? 0;
    // The part's own reading has settled what its rows say.
    if (of === part) return 'rejected';
    if (onBoth === 'first' || gone.has(of)) return 'passed over';
    const was = standing[slot] ?? 0;
    if (hasLeft && (was & (left | rejected)) === left) return 'left too';
    standing[slot] = was | rejected;
    return (was & rejected) === 0 ? 'taken back' : 'rejected';
  }

  return {
    person: (id, state, part) => {
      const hasLeft = state === 'terminated';
      return add(id, part, hasLeft ? left : 0) ? 'counts' : again(id, part, hasLeft);
    },
    rejected: (id, part) => (add(id, part, rejected) ? 'counts' : again(id, part, false)),
    retracts: (id, part) => {
      const slot = ids.find(id);
      if (slot < 0 || parts[slot] !== part) return false;
      const was = standing[slot] ?? 0;
      standing[slot] = was | rejected;
      return (was & rejected) === 0;
    },
    partOf: (id) => {
      const slot = ids.find(id);
      return slot < 0 ? undefined : parts[slot];
    },
    lost: (part) => {
      gone.add(part);
    },
  };
}

function grown(old: Uint8Array): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(old.length * 2);
  next.set(old);
  return next;
}
