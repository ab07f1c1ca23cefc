// The hashes of the text that was hashed last: a million look-ups return no objects.
let high = 0;
let low = 0;
let check = 0;

/** Two 32-bit multiplicative hashes, mixed (cyrb53), and a third made differently (FNV-1a), in one pass. */
function hash(text: string): void {
  let one = 0xdeadbeef;
  let other = 0x41c6ce57;
  let third = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    one = Math.imul(one ^ unit, 2654435761);
    other = Math.imul(other ^ unit, 1597334677);
    third = Math.imul(third ^ unit, 0x01000193);
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(other ^ (other >>> 13), 3266489909);
  other = Math.imul(other ^ (other >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909);
  high = one | 0;
  low = other & 2097151;
  check = third | 0;
}

/** A 53-bit hash of a string (cyrb53): small enough for a double. Stored with links, so it never changes. */
export function hash53(text: string): number {
  hash(text);
  return 4294967296 * low + (high >>> 0);
}

/** What `get` gives for a key that is not there. */
export const absent = -1;
/** What `only` gives for a text that several ordinals have. */
export const several = -2;

/**
 * A map from strings to ordinals (0 to 2^31 - 1) that keeps 85 bits of each string, not the string: 16 bytes a slot, at
 * most two thirds full, where a `Map` of strings takes over 100. A million accounts have to fit beside a million people.
 * Two of a million strings are taken for one another once in 10^13 sets.
 */
export type TextIndex = {
  readonly get: (text: string) => number;
  readonly set: (text: string, ordinal: number) => void;
  /** Sets it unless the text is there; what the text had before, or `absent`. */
  readonly add: (text: string, ordinal: number) => number;
  readonly size: number;
};

/** Words of a slot: two of `hash53`, the second hash, the ordinal. Side by side, so that a look-up is one visit to memory. */
const slotWords = 4;

/** An empty index; grows by doubling. */
export function createTextIndex(expected = 1_024): TextIndex {
  let capacity = 16;
  while (capacity * 2 < expected * 3) capacity *= 2;
  let slots = new Int32Array(capacity * slotWords).fill(absent);
  let size = 0;

  /** Where the slot of the text hashed last begins, or of the free one that it would take. */
  function place(): number {
    const mask = capacity - 1;
    let at = (high & mask) * slotWords;
    while (
      slots[at + 3] !== absent &&
      (slots[at] !== high || slots[at + 1] !== low || slots[at + 2] !== check)
    )
      at = (at + slotWords) & (capacity * slotWords - 1);
    return at;
  }

  function grow(): void {
    const old = slots;
    capacity *= 2;
    slots = new Int32Array(capacity * slotWords).fill(absent);
    for (let from = 0; from < old.length; from += slotWords) {
      if (old[from + 3] === absent) continue;
      high = old[from] ?? 0;
      low = old[from + 1] ?? 0;
      check = old[from + 2] ?? 0;
      const at = place();
      slots[at] = high;
      slots[at + 1] = low;
      slots[at + 2] = check;
      slots[at + 3] = old[from + 3] ?? absent;
    }
  }

  /** The ordinal that the text has; it gets this one if it has none. */
  function placeOrTake(text: string, ordinal: number): number {
    if ((size + 1) * 3 > capacity * 2) grow();
    hash(text);
    const at = place();
    if (slots[at + 3] !== absent) return at;
    size++;
    slots[at] = high;
    slots[at + 1] = low;
    slots[at + 2] = check;
    slots[at + 3] = ordinal;
    return at;
  }

  return {
    get: (text) => {
      hash(text);
      return slots[place() + 3] ?? absent;
    },
    set: (text, ordinal) => {
      slots[placeOrTake(text, ordinal) + 3] = ordinal;
    },
    add: (text, ordinal) => {
      const before = size;
      const at = placeOrTake(text, ordinal);
      return size > before ? absent : (slots[at + 3] ?? absent);
    },
    get size() {
      return size;
    },
  };
}

/** The ordinals that share a text. Almost every text has one; those of several are kept aside. */
export type TextGroups = {
  readonly add: (text: string, ordinal: number) => void;
  /** The one ordinal of that text, `absent` or `several`. Allocates nothing. */
  readonly only: (text: string) => number;
  readonly all: (text: string) => readonly number[];
  /** Every text of several ordinals, as these. */
  readonly shared: () => Iterable<readonly number[]>;
};

const noOne: readonly number[] = [];

/** Empty groups. An ordinal for which `counts` says no has no text any more. */
export function createTextGroups(counts: (ordinal: number) => boolean): TextGroups {
  const first = createTextIndex();
  const more = new Map<string, number[]>();
  const all = (text: string): readonly number[] => {
    const group = more.size === 0 ? undefined : more.get(text);
    if (group !== undefined) return group.filter(counts);
    const one = first.size === 0 ? absent : first.get(text);
    return one !== absent && counts(one) ? [one] : noOne;
  };
  return {
    add: (text, ordinal) => {
      const one = first.add(text, ordinal);
      if (one !== absent && one !== ordinal) {
        const group = more.get(text);
        if (group === undefined) more.set(text, [one, ordinal]);
        else group.push(ordinal);
      }
    },
    only: (text) => {
      if (first.size === 0) return absent;
      if (more.size > 0 && more.has(text)) {
        const group = all(text);
        return group.length > 1 ? several : (group[0] ?? absent);
      }
      const one = first.get(text);
      return one !== absent && counts(one) ? one : absent;
    },
    all,
    *shared() {
      for (const text of more.keys()) {
        const group = all(text);
        if (group.length > 1) yield group;
      }
    },
  };
}
