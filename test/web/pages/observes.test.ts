import { expect, test } from 'vitest';
import { people } from '../../support/company.ts';
import { startService, tokens } from '../service.ts';

test.each([
  ['observe', /observes: nothing is written there/],
  ['additive', /additive: nobody is removed/],
])('the first page says of a platform in mode %s what it does not do', async (mode, said) => {
  const service = await startService(people(3), { mode });
  try {
    expect(await (await service.get('/', tokens.viewer)).text()).toMatch(said);
  } finally {
    await service.close();
  }
});
