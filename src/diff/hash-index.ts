/**
 * A 53-bit hash of a string (cyrb53: two 32-bit multiplicative hashes, mixed): small enough for a double. Stored with
 * links, so it never changes.
 */
export function hash53(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (2097151 & low) + (high >>> 0);
}

/** A second hash of the same text, 32 bits, made differently (FNV-1a). */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash | 0;
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
  readonly size: number;
};

/** An empty index; grows by doubling. */
export function createTextIndex(expected = 1_024): TextIndex {
  let capacity = 16;
  while (capacity * 2 < expected * 3) capacity *= 2;
  let keys = new Float64Array(capacity).fill(absent);
  let checks = new Int32Array(capacity);
  let values = new Int32Array(capacity);
  let size = 0;

  function slotOf(hash: number, check: number): number {
    let slot = (hash % 4294967291) & (capacity - 1);
    while (keys[slot] !== absent && (keys[slot] !== hash || checks[slot] !== check))
      slot = (slot + 1) & (capacity - 1);
    return slot;
  }

  function grow(): void {
    const old = { keys, checks, values };
    capacity *= 2;
    keys = new Float64Array(capacity).fill(absent);
    checks = new Int32Array(capacity);
    values = new Int32Array(capacity);
    for (let at = 0; at < old.keys.length; at++) {
      const key = old.keys[at] ?? absent;
      if (key === absent) continue;
      const check = old.checks[at] ?? 0;
      const slot = slotOf(key, check);
      keys[slot] = key;
      checks[slot] = check;
      values[slot] = old.values[at] ?? 0;
    }
  }

  return {
    get: (text) => {
      const slot = slotOf(hash53(text), hash32(text));
      return keys[slot] === absent ? absent : (values[slot] ?? absent);
    },
    set: (text, ordinal) => {
      if ((size + 1) * 3 > capacity * 2) grow();
      const [hash, check] = [hash53(text), hash32(text)];
      const slot = slotOf(hash, check);
      if (keys[slot] === absent) size++;
      keys[slot] = hash;
      checks[slot] = check;
      values[slot] = ordinal;
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
      const one = first.get(text);
      if (one === absent) first.set(text, ordinal);
      else if (one !== ordinal) {
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
