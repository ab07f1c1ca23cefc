import { expect, test } from 'vitest';
import { simulate } from './run.ts';

// Always the same nights here; `npm run simulate` draws new ones, and CI plays 2,000.
test('simulated nights keep every rule', async () => {
  const { exit, out } = await simulate('--nights', '120', '--seed', 'harbour');
  expect(out).toContain('3 passed, 0 failed');
  expect(exit).toBe(0);
});
