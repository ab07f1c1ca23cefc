import { writeFile } from 'node:fs/promises';
import { type Company, type Employee, writeExport } from './company.ts';
import { allPlatforms, type Platforms } from './platforms.ts';
import { NotAsTold, type Stage } from './stage.ts';

/** What the chapters share. */
export type Play = {
  readonly stage: Stage;
  readonly platforms: Platforms;
  readonly company: Company;
  readonly rate: number;
  /** HR exports written so far. */
  exports: number;
  /** Who left and came back. */
  rehired: string | undefined;
};

/** A new HR export, whole or broken off after so many rows. */
async function exportRoster(play: Play, rows?: number): Promise<void> {
  play.exports++;
  const file = `hr/roster-${String(play.exports).padStart(3, '0')}.csv`;
  await writeExport(file, play.company, rows);
}

function activeUsers({ platforms }: Play): number {
  return platforms.academy.state.users.filter((user) => user.active).length;
}

function nameOf({ firstName, lastName }: Employee): string {
  return `${firstName} ${lastName}`;
}

/** The first who is so and so. */
function someone(company: Company, is: (employee: Employee) => boolean): Employee {
  const [found] = company.where(is);
  if (found === undefined) throw new NotAsTold('the made-up company lacks somebody the story needs');
  return found;
}

/** Check, plan, the first run, and a second that finds nothing. */
export async function firstRun(play: Play): Promise<void> {
  const { stage, platforms, company } = play;
  await exportRoster(play);
  stage.heading('Can it run?');
  await stage.rollcall('check', { exit: 0, says: ['academy'], lines: 24 });

  stage.heading('The first plan: nothing is changed yet');
  const expected = company.expected.length;
  await stage.rollcall('plan', {
    exit: 0,
    says: [`${expected.toLocaleString('en')} create`, '0 writes'],
    lines: 9,
  });
  stage.check('accounts on Sparkwise', platforms.academy.state.users.length, 0);

  stage.heading('The first run');
  await stage.rollcall('sync --yes', { exit: 0, says: ['academy: applied'] });
  stage.check('active accounts on Sparkwise', activeUsers(play), expected);
  const { largestItems, tooMany } = platforms.academy.sandbox.counts();
  stage.check('people in the largest request', largestItems, 200);
  stage.check('requests over the rate', tooMany, 0);

  stage.heading('The second run finds nothing to do');
  await stage.rollcall('sync --yes', { exit: 0, says: ['academy: unchanged', '0 writes'] });
}

/** Joiners, leavers, a changed name; the day after, somebody comes back. */
export async function dayInHr(play: Play): Promise<void> {
  const { stage, platforms, company } = play;
  stage.heading('A day in HR');
  const joiners = company.hire(25, { status: 'Active', hired: '2024-03-01' });
  const leavers = company
    .where(({ status, department }) => status === 'Active' && department === 'Drivers')
    .slice(0, 9);
  for (const { id } of leavers) company.change(id, { status: 'Left' });
  const before = someone(company, ({ status, country }) => status === 'Active' && country === 'DE');
  const after = company.change(before.id, { lastName: 'Åkerström' });
  stage.tell(`25 people join, 9 leave, and ${nameOf(before)} is now called ${nameOf(after)}.`);
  await exportRoster(play);
  await stage.rollcall('plan', {
    exit: 0,
    says: ['25 create, 1 update, 9 deactivate', `${before.lastName} → ${after.lastName}`],
    lines: 6,
  });
  await stage.rollcall('sync --yes', { exit: 0, says: ['applied  25 create, 1 update, 9 deactivate'] });
  const users = platforms.academy.state.byRemoteId;
  stage.check(
    'joiners with an account',
    joiners.filter(({ id }) => users.get(id)?.active === true).length,
    25,
  );
  stage.check(
    'leavers with an active account',
    leavers.filter(({ id }) => users.get(id)?.active !== false).length,
    0,
  );
  stage.check('the new name on Sparkwise', users.get(after.id)?.lastName, after.lastName);

  const [rehired] = leavers;
  if (rehired === undefined) throw new NotAsTold('nobody left');
  stage.tell(
    `The day after, ${nameOf(rehired)} comes back and gets the old account, with its training history.`,
  );
  company.change(rehired.id, { status: 'Active' });
  play.rehired = rehired.id;
  const accountBefore = users.get(rehired.id)?.id;
  await exportRoster(play);
  await stage.rollcall('sync --yes', { exit: 0, says: ['applied  1 reactivate'] });
  stage.check('the same account', users.get(rehired.id)?.id === accountBefore, true);
  await stage.rollcall(`explain ${rehired.id}`, { exit: 0, says: [rehired.id, 'reactivate'], lines: 16 });
}

/** An export that broke off removes nobody. */
export async function halfAnExport(play: Play): Promise<void> {
  const { stage, company } = play;
  stage.heading('A broken export removes nobody');
  const before = activeUsers(play);
  stage.tell('The export broke off in the middle: half of the company is not in the file.');
  await exportRoster(play, Math.floor(company.employees.size / 2));
  await stage.rollcall('sync --yes', {
    exit: 3,
    says: ['academy: withheld', 'ROSTER_SHRUNK', '0 writes'],
  });
  stage.check('active accounts on Sparkwise, as before', activeUsers(play), before);
}

/** More leavers than a day usually has wait for somebody's decision. */
export async function massLeave(play: Play): Promise<void> {
  const { stage, platforms, company } = play;
  stage.heading('A mass leave waits until somebody approves it');
  const leavers = company.where(({ status, department }) => status !== 'Left' && department === 'Night hub');
  for (const { id } of leavers) company.change(id, { status: 'Left' });
  const [joiner] = company.hire(1, { status: 'Active' });
  stage.tell(
    `The night hub closes: ${leavers.length} people leave at once. On the same day, one person joins.`,
  );
  await exportRoster(play);
  const before = activeUsers(play);
  const held = await stage.rollcall('sync --yes', {
    exit: 3,
    says: ['academy: held', 'HELD_DEACTIVATE', 'applied  1 create'],
  });
  stage.check('active accounts on Sparkwise', activeUsers(play), before + 1);
  const next = /rollcall approve (\S+) --hash ([0-9a-f]+)/.exec(held);
  const [, run = '', hash = ''] = next ?? [];
  if (next === null) throw new NotAsTold(`the held run does not say how it is approved\n${held}`);
  stage.tell(`HR confirms it. What was reviewed is approved, by its hash, and nothing else.`);
  await stage.rollcall(`show ${run}`, { exit: 0, says: ['deactivate'], lines: 12 });
  await stage.rollcall(`approve ${run} --hash ${hash}`, { exit: 0, says: [`${leavers.length} deactivate`] });
  stage.check('active accounts on Sparkwise', activeUsers(play), company.expected.length);
  const users = platforms.academy.state.byRemoteId;
  stage.check(
    'accounts deleted',
    [...leavers, ...(joiner === undefined ? [] : [joiner])].filter(({ id }) => !users.has(id)).length,
    0,
  );
}

/** All five platforms from the same roster, and their results. */
export async function fivePlatforms(play: Play): Promise<void> {
  const { stage, platforms, company, rate } = play;
  stage.heading('Five platforms from one roster');
  await writeFile('rollcall.yaml', allPlatforms(platforms, rate));
  stage.tell(
    'rollcall.yaml now has OutThink, Keepnet, Mimecast and a SCIM service too, with rules that say who is enrolled where.',
  );
  await stage.rollcall('check', { exit: 0, says: ['phishing', 'awareness', 'mail', 'library'], lines: 40 });
  await stage.rollcall('targets', {
    exit: 0,
    says: ['Payment fraud', 'Warehouse staff', 'Awareness training', 'Drivers'],
    lines: 24,
  });
  await stage.rollcall('sync --yes', { exit: 0, lines: 40 });
  const { phishing, awareness, mail, library } = platforms;
  const expected = company.expected;
  const of = (...departments: string[]): number =>
    expected.filter(({ department }) => departments.includes(department)).length;
  const vietnam = expected.filter(({ country }) => country === 'VN');
  const [warehouse] = awareness.state.company.groups.rows();
  const [training] = mail.state.groups.values();
  const drivers = [...library.state.groups.values()].find(({ displayName }) => displayName === 'Drivers');
  stage.check('accounts on OutThink', phishing.state.scim.users.length, expected.length);
  stage.check(
    'accounts on Keepnet, which serves the office in Hải Phòng',
    [...awareness.state.company.users.rows()].length,
    vietnam.length,
  );
  stage.check('accounts on the SCIM service', library.state.users.length, expected.length);
  stage.check(
    'members of "Warehouse staff" on Keepnet',
    warehouse === undefined ? 0 : [...warehouse.members.rows()].length,
    vietnam.filter(({ department }) => department === 'Warehouse').length,
  );
  stage.check(
    'members of "Awareness training" on Mimecast',
    training?.members.size,
    company.where(({ status }) => status === 'Active').length,
  );
  stage.check('members of "Drivers" on the SCIM service', drivers?.members.size, of('Drivers'));

  stage.tell('Again, for all five:');
  await stage.rollcall('sync --yes', { exit: 0, silentOn: [/applied/, /[1-9]\d* writes/], lines: 40 });

  await whoIsOpen(play);
}

/** Some people do a training; the others are findable. */
async function whoIsOpen({ stage, platforms }: Play): Promise<void> {
  stage.heading('Who has not done the training?');
  const { phishing } = platforms;
  const campaign = [...phishing.state.campaigns.values()].find(({ name }) => name === 'Payment fraud');
  if (campaign === undefined) throw new NotAsTold('the campaign is gone');
  const enrolled = campaign.members.list();
  const done = enrolled.slice(0, Math.floor(enrolled.length * 0.9));
  for (const { userId } of done) campaign.members.set(userId, 'completed');
  stage.tell(`Of ${enrolled.length} people in "Payment fraud", ${done.length} complete it.`);
  const open = await stage.rollcall('results phishing --status open', { exit: 0, lines: 7 });
  const rows = open.split('\n').filter((line) => line.includes('Payment fraud'));
  stage.check('people who have not', rows.length, enrolled.length - done.length);
}
