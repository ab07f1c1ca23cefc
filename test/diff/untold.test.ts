import { expect, it } from 'vitest';
import { accountOf, desired, diff, emptyWorld, linkOf, modelPlatform } from './model.ts';

const platform = { ...modelPlatform, fields: modelPlatform.fields.filter(({ readBack }) => readBack) };
const same = { first: 'Zoe', last: 'Okafor', email: 'zoe@example.com' };
const account = accountOf('u1', 'A', same);
const leaver = desired('A', { ...same, terminated: true });
const staying = desired('A', same);

/** Whether the platform says that the account is active, whether we deactivated it, the row, and what follows. */
it.each([
  ['untold', false, leaver, ['deactivate A']],
  ['untold', true, leaver, []],
  ['untold', true, staying, ['reactivate A']],
  ['untold', false, staying, []],
  // What the platform says counts, whatever we did.
  ['active', true, leaver, ['deactivate A']],
  ['active', true, staying, []],
  ['inactive', false, leaver, []],
  ['inactive', false, staying, ['reactivate A']],
] as const)('an account that is %s, deactivated by us: %s', (told, deactivated, row, lines) => {
  const read = { ...account, active: told !== 'inactive' };
  const accounts = [told === 'untold' ? { ...read, activeTold: false as const } : read];
  const links = [linkOf('A', 'u1', { deactivated })];
  expect(diff({ ...emptyWorld, platform, people: [row], links, accounts }).lines).toEqual(lines);
});

it('a contractor whose account we deactivated is hired under a new id: it is reactivated', () => {
  const accounts = [{ ...account, activeTold: false as const }];
  const links = [linkOf('A', 'u1', { deactivated: true })];
  const people = [leaver, desired('E1', same)];
  const result = diff({ ...emptyWorld, platform, people, links, accounts });
  expect(result.changes).toMatchObject([{ kind: 'reactivate', person: 'E1', ref: { id: 'u1' } }]);
});
