import { hash } from 'node:crypto';

/** Random numbers from a seed: the same seed gives the same ones, on every machine. */
export type Random = {
  /** From 0 up to, but not including, 1. */
  readonly next: () => number;
  /** A whole number from 0 up to, but not including, `below`. */
  readonly int: (below: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(list: readonly T[]) => T;
  /** `count` different members of the list, or all of them. */
  readonly some: <T>(list: readonly T[], count: number) => readonly T[];
  /** Another stream: what it draws does not move this one. */
  readonly fork: (name: string) => Random;
};

/** Mulberry32 (public domain, Tommy Ettinger): 32 bits of state are enough for choices. */
export function createRandom(seed: string): Random {
  let state = Number.parseInt(hash('sha1', seed).slice(0, 8), 16);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (below: number): number => Math.floor(next() * below);
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (list) => {
      const picked = list[int(list.length)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
    some: (list, count) => {
      const rest = [...list];
      const taken = [];
      while (taken.length < count && rest.length > 0) taken.push(...rest.splice(int(rest.length), 1));
      return taken;
    },
    fork: (name) => createRandom(`${seed}/${name}`),
  };
}
