/** Spreads every bit over all 32 (the finaliser of MurmurHash3). */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/**
 * Numbers ids in the order in which they come: 0, 1, 2, …
 *
 * It keeps 64 bits of hash of an id, not the id, so that a million people cost some 20 MB (a Map of their ids: about 90).
 * That two of a million ids share their hash has odds of 1 to 37 million; they would be taken for one: on the roster for
 * a person whose rows contradict each other, and rejected; on a platform for a row that came twice, and read again.
 */
export class IdIndex {
  /** Open addressing: 0 is free, otherwise the number of the id plus 1. */
  #table = new Uint32Array(1 << 12);
  /** The hashes of id `n` at `2n` and `2n + 1`. */
  #hashes = new Uint32Array(1 << 12);
  #size = 0;
  #low = 0;
  #high = 0;

  get size(): number {
    return this.#size;
  }

  /** The id's number; -1 when it was not added. */
  find(id: string): number {
    this.#hash(id);
    return (this.#table[this.#place()] ?? 0) - 1;
  }

  /** Adds an id; false when it was there. A new one has the next number. */
  add(id: string): boolean {
    // At most half full, so that a search ends soon.
    if (this.#size * 2 >= this.#table.length) this.#grow();
    this.#hash(id);
    const place = this.#place();
    if (this.#table[place] !== 0) return false;
    const number = this.#size++;
    this.#hashes[number * 2] = this.#low;
    this.#hashes[number * 2 + 1] = this.#high;
    this.#table[place] = number + 1;
    return true;
  }

  #hash(id: string): void {
    let low = 0x9e3779b9;
    let high = 0x7f4a7c15;
    for (let i = 0; i < id.length; i++) {
      const unit = id.charCodeAt(i);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul((high << 5) | (high >>> 27), 0x2c1b3c6d) + unit;
    }
    this.#low = mixed(low ^ id.length) >>> 0;
    this.#high = mixed(high) >>> 0;
  }

  /** Where the id hashed last stands in the table, or would. */
  #place(): number {
    const mask = this.#table.length - 1;
    let at = this.#low & mask;
    for (let found = this.#table[at] ?? 0; found !== 0; found = this.#table[at] ?? 0) {
      if (this.#hashes[found * 2 - 2] === this.#low && this.#hashes[found * 2 - 1] === this.#high) return at;
      at = (at + 1) & mask;
    }
    return at;
  }

  #grow(): void {
    const hashes = new Uint32Array(this.#hashes.length * 2);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    this.#table = new Uint32Array(this.#table.length * 2);
    for (let number = 0; number < this.#size; number++) {
      this.#low = this.#hashes[number * 2] ?? 0;
      this.#high = this.#hashes[number * 2 + 1] ?? 0;
      this.#table[this.#place()] = number + 1;
    }
  }
}
