import { expect, test } from 'vitest';
import { planted } from '../simulation/planted.ts';
import { simulate } from '../simulation/run.ts';

// That the simulation would notice: each guard is taken out alone.
test.each(Object.keys(planted))('2,000 nights find that the proof is off: %s', async (name) => {
  const { exit, out } = await simulate('--nights', '2000', '--seed', 'planted', '--plant', name);
  process.stdout.write(`${name}: ${/seed .* found after .*/.exec(out)?.[0]}\n`);
  expect(out).toMatch(/found after \d+ nights in all:\n {2}\S/);
  expect(exit).toBe(1);
});
