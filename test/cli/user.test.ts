import { userInfo } from 'node:os';
import { expect, test } from 'vitest';
import { userOfProcess } from '../../src/cli/user.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany } from '../support/harness.ts';

test("who sat at the command line is the operating system's user, whatever the environment says", {
  timeout: 60_000,
}, async () => {
  const { username } = userInfo();
  expect(userOfProcess({ USER: 'mallory' })).toBe(username);
  expect(userOfProcess({ SUDO_USER: 'jo' }, () => 'root')).toBe('jo as root');
  expect(userOfProcess({ SUDO_USER: 'jo' }, () => 'ann')).toBe('ann');
  expect(
    userOfProcess({}, () => {
      throw new Error('no such user');
    }),
  ).toBeUndefined();

  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(2),
    env: { USER: 'mallory', LOGNAME: 'mallory' },
  });
  const child = await company.spawn('pause', '--reason', 'tried');
  expect((await child.ended).exit).toBe(0);
  const { store } = await company.opened();
  expect((await store.platforms.find('harbour', 'academy'))?.paused_by).toBe(userOfProcess(process.env));
});
