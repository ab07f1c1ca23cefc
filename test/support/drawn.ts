import { randomInt } from 'node:crypto';
import { createRandom, type Random } from '../simulation/random.ts';

/** Takes the seed that a run printed, for what it drew to be drawn again; fast-check's properties take it too. */
const variable = 'ROLLCALL_SOAK_SEED';

/**
 * All that a test draws at random comes from here: it prints the seed, and draws the same from that seed again. How fast the
 * machine is at it is not drawn, so a kill may still meet another moment of a run.
 */
export function drawn(what: string): Random {
  const seed = process.env[variable] ?? String(randomInt(2 ** 31));
  process.stderr.write(`${what}: ${variable}=${seed}\n`);
  return createRandom(seed);
}
