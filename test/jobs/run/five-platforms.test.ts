import { describe, expect, it } from 'vitest';
import { completeTraining, findByEmail } from '../../../sandbox/keepnet/index.ts';
import { completeCampaign, leaveFolder } from '../../../sandbox/mimecast/index.ts';
import type { LoggedRequest } from '../../../sandbox/server.ts';
import { describeOn } from '../../support/backends.ts';
import { changed, people, person } from '../../support/company.ts';
import { type Five, names, openFive, platformNames } from '../../support/five.ts';

const timeoutMs = 240_000;

type ResultLine = {
  person: string | null;
  platform: string;
  target: string;
  status: string;
  rawStatus: string;
};

async function results(five: Five, ...args: readonly string[]): Promise<ResultLine[]> {
  const ended = await five.rollcall('results', '--format', 'json', ...args);
  expect(ended.exit).toBe(0);
  return (ended.json as { results: ResultLine[] }).results;
}

/** Requests of a run in which nothing changes, by what each API needs for a proof that it was read whole. */
function leastReads(count: number, members: { fraud: number; harbour: number }): Record<string, number> {
  const pages = (items: number, size: number): number => Math.max(1, Math.ceil(items / size));
  return {
    academy: pages(count, 200),
    // Campaigns and members have no total: an empty page ends them. Each campaign is read for its dates.
    // A list of accounts in one page is asked behind: some services give the page's length for the total.
    awareness:
      2 + 2 + pages(count, 200) + 1 + pages(members.fraud, 100) + 1 + pages(members.harbour, 100) + 1,
    // Groups, users, members; the enrollment and its report.
    phishing: 1 + pages(count, 100) + 1 + 1 + 1,
    // Groups, campaigns, members, the campaign's people.
    mail: 1 + 1 + pages(count, 100) * 2,
    library: 1 + 1 + pages(count, 200) + 1 + 1,
  };
}

for (const backend of ['embedded', 'redis'] as const) {
  describeOn(backend, 'five platforms, one roster', () => {
    it('checks, plans, syncs, finds nothing more to do, and reads results', {
      timeout: timeoutMs,
    }, async () => {
      const rows = people(36);
      await using five = await openFive({ backend, rows });
      const check = await five.rollcall('check', '--json');
      expect(check).toMatchObject({ exit: 0, json: { ok: true, roster: { people: 36, rejected: 0 } } });

      const plan = await five.rollcall('plan', '--json');
      expect(plan.exit).toBe(0);
      const planned = (
        plan.json as { runs: { platform: string; planned: object; reasons: { code: string }[] }[] }
      ).runs;
      expect(planned.map(({ platform }) => platform)).toEqual([...platformNames]);
      const phishing = planned.find(({ platform }) => platform === 'phishing');
      expect(phishing?.reasons).toEqual([
        { code: 'LAUNCH_SEND', message: expect.stringContaining('all 6 members') },
      ]);
      for (const sandbox of Object.values(five.sandboxes)) expect(sandbox.counts().writes).toBe(0);

      five.clearLogs();
      const first = await five.syncAll();
      expect(first.exit).toBe(0);
      for (const name of platformNames) expect(first.runs[name]?.status).toBe('applied');
      for (const { platform, planned: counts } of planned)
        expect(first.runs[platform]?.applied).toEqual(counts);
      const writes = Object.fromEntries(
        platformNames.map((name) => [name, five.sandboxes[name].counts().writes]),
      );
      // One request for all, but: a Keepnet user each, 50 addresses a call at Mimecast, the enrollment and its send.
      expect(writes).toEqual({ academy: 1, awareness: 3, phishing: 36 + 1 + 2, mail: 1, library: 2 });
      for (const name of platformNames)
        expect(first.runs[name]?.requests).toEqual({
          reads: five.sandboxes[name].counts().reads + five.sandboxes[name].counts().auths,
          writes: writes[name],
        });

      five.clearLogs();
      const second = await five.syncAll();
      expect(second.exit).toBe(0);
      const fraud = five.outthink.campaigns.get('campaign-fraud')?.members.size ?? 0;
      const harbour = five.outthink.campaigns.get('campaign-harbour')?.members.size ?? 0;
      expect({ fraud, harbour }).toEqual({ fraud: 12, harbour: 9 });
      const least = leastReads(36, { fraud, harbour });
      for (const name of platformNames) {
        expect(second.runs[name]?.status).toBe('unchanged');
        expect(second.runs[name]?.requests).toEqual({ reads: least[name], writes: 0 });
        expect(five.sandboxes[name].counts()).toMatchObject({ reads: least[name], writes: 0, auths: 0 });
      }

      five.sparkwise.complete('010001', { sessionScheduledStartAt: new Date().toISOString() });
      five.outthink.mark('campaign-fraud', '010001');
      completeCampaign(five.mimecast.campaign, 'person.2@example.com', 'incorrect');
      const all = await results(five);
      const done = all.filter(({ status }) => status === 'completed');
      expect(done.map((row) => `${row.platform} ${row.person}`).sort()).toEqual([
        'academy 010001',
        'awareness 010001',
        'mail 010002',
      ]);
      const open = await results(five, 'mail', '--status', 'open', '--no-refresh');
      expect(open).toHaveLength(35);
      expect(all.every((row) => row.person !== null)).toBe(true);

      // A table for a spreadsheet: nothing in it runs.
      const csv = await five.rollcall('results', 'academy', '--format', 'csv', '--no-refresh');
      expect(csv.out.split('\r\n')[1]).toContain(`"'=Talk, ""listen"""`);
    });
  });
}

/** Position of the first request of a log whose body holds a text. */
function firstAt(log: readonly LoggedRequest[], path: RegExp, text: string): number {
  return log.findIndex(
    (entry) => entry.kind === 'write' && path.test(entry.path) && entry.body.includes(text),
  );
}

describe('a day in HR, on all five platforms', () => {
  it('joiners, movers, leavers, a rehire, a new email', { timeout: timeoutMs }, async () => {
    const rows = people(36);
    await using five = await openFive({ backend: 'embedded', rows });
    expect((await five.syncAll()).exit).toBe(0);
    const { company } = five.keepnet;
    const [enrollment] = company.enrollments.rows();
    if (enrollment === undefined) throw new Error('the training was not created');
    expect(enrollment.sends).toBe(1);
    const userOf = (n: number) => {
      const user = findByEmail(company, `person.${n}@example.com`);
      if (user === undefined) throw new Error(`no user ${n}`);
      return user;
    };
    // 12 (Warehouse, Ireland) and 6 (Warehouse) have done everything; 18 (Warehouse) has done Keepnet's.
    for (const n of [6, 12, 18]) completeTraining(company, enrollment, userOf(n).resourceId);
    for (const n of [6, 12]) completeCampaign(five.mimecast.campaign, `person.${n}@example.com`);
    five.outthink.mark('campaign-harbour', '010012');
    five.sparkwise.complete('010012', { sessionScheduledStartAt: new Date().toISOString() });
    const accountsOf12 = {
      academy: five.sparkwise.byRemoteId.get('010012')?.id,
      awareness: five.outthink.find('userSourceIdentifier', '010012')[0]?.id,
      phishing: userOf(12).resourceId,
      library: five.scim.find('externalId', '010012')[0]?.id,
    };
    const idOf18 = userOf(18).resourceId;
    await results(five);

    const joiner = person(101, { department: 'Warehouse', location: 'Ireland' });
    const nextDay = [
      ...changed(rows, {
        '010001': { department: 'Warehouse' },
        '010002': { status: 'Terminated' },
        '010012': { status: 'Terminated' },
        '010006': { email: 'new.6@example.com' },
        '010018': { email: 'new.18@example.com' },
      }),
      joiner,
    ];
    await five.export(nextDay);
    five.clearLogs();
    const day = await five.syncAll();
    expect(day.exit).toBe(0);
    for (const name of platformNames) expect(day.runs[name]?.status).toBe('applied');

    // Created before they are enrolled.
    const outthinkLog = five.sandboxes.awareness.log;
    const created = firstAt(outthinkLog, /Bulk|\/Users/, '010101');
    expect(created).toBeGreaterThanOrEqual(0);
    expect(firstAt(outthinkLog, /campaign-harbour\/users/, '010101')).toBeGreaterThan(created);
    const keepnetLog = five.sandboxes.phishing.log;
    const made = firstAt(keepnetLog, /target-users$/, joiner.email);
    const joined = findByEmail(company, joiner.email)?.resourceId ?? 'nobody';
    expect(made).toBeGreaterThanOrEqual(0);
    expect(firstAt(keepnetLog, /target-groups\/users$/, joined)).toBeGreaterThan(made);
    expect(five.keepnet.group.members.has(joined)).toBe(true);

    // The mover changed campaigns.
    const fraud = five.outthink.campaigns.get('campaign-fraud');
    const mover = five.outthink.find('userSourceIdentifier', '010001')[0]?.id ?? '';
    expect(fraud?.members.status(mover)).toBeUndefined();
    expect(five.keepnet.group.members.has(userOf(1).resourceId)).toBe(true);

    // Leavers are inactive and their history stays; where that is not possible they are out of the group.
    const leaver = five.outthink.find('userSourceIdentifier', '010002')[0];
    expect(leaver?.['active']).toBe(false);
    expect(fraud?.members.status(leaver?.id ?? '')).toBe('notStarted');
    expect(five.sparkwise.byRemoteId.get('010002')?.active).toBe(false);
    expect(userOf(2).isActive).toBe(false);
    expect(five.mimecast.group.members.has('person.2@example.com')).toBe(false);
    expect(five.keepnet.state.violations).toEqual([]);

    // A new email: the same account and enrollment, and on Mimecast the group knows the new address.
    expect(findByEmail(company, 'new.18@example.com')?.resourceId).toBe(idOf18);
    expect(five.keepnet.group.members.has(idOf18)).toBe(true);
    expect(five.mimecast.group.members.has('new.18@example.com')).toBe(true);
    expect(five.mimecast.group.members.has('person.18@example.com')).toBe(false);
    // Who has completed is not enrolled anew under the new address.
    expect(five.mimecast.group.members.has('new.6@example.com')).toBe(false);
    expect(enrollment.sends).toBe(1);

    // Newcomers are told of: the platform does not enroll them by itself.
    const { store } = await five.opened();
    const run = await store.runs.find(day.runs['phishing']?.id ?? '');
    expect(run?.notes.map(({ code }) => code)).toContain('NEWCOMERS_NEED_ENROLLMENT');

    // Meanwhile somebody takes 12 out of the group by hand.
    leaveFolder(five.mimecast.group, 'person.12@example.com');
    await five.export(changed(nextDay, { '010002': { status: 'Active' }, '010012': { status: 'Active' } }));
    const back = await five.syncAll();
    expect(back.exit).toBe(0);
    expect({
      academy: five.sparkwise.byRemoteId.get('010012')?.id,
      awareness: five.outthink.find('userSourceIdentifier', '010012')[0]?.id,
      phishing: userOf(12).resourceId,
      library: five.scim.find('externalId', '010012')[0]?.id,
    }).toEqual(accountsOf12);
    expect(userOf(12).isActive).toBe(true);
    // No second training: neither a second mail, nor the group of a campaign that was answered.
    expect(enrollment.mails.get(userOf(12).resourceId)).toBe(1);
    expect(five.mimecast.group.members.has('person.12@example.com')).toBe(false);
    expect(five.mimecast.group.members.has('person.2@example.com')).toBe(true);

    const history = (await results(five)).filter(
      ({ person: who, status }) =>
        status === 'completed' && ['010006', '010012', '010018'].includes(who ?? ''),
    );
    expect(history.map((row) => `${row.person} ${row.platform}`).sort()).toEqual([
      '010006 mail',
      '010006 phishing',
      '010012 academy',
      '010012 awareness',
      '010012 mail',
      '010012 phishing',
      '010018 phishing',
    ]);

    const still = await five.syncAll();
    for (const name of platformNames) expect(still.runs[name]?.status).toBe('unchanged');
  });

  it('one platform down, another refuses its credentials: the others finish', {
    timeout: timeoutMs,
  }, async () => {
    await using five = await openFive({ backend: 'embedded', rows: people(12) });
    five.sandboxes.mail.fail({
      kind: 'read',
      times: Number.POSITIVE_INFINITY,
      effect: { do: 'answer', response: { status: 503, text: '' } },
    });
    await five.configure({
      config: { platforms: { ...five.blocks, phishing: { ...five.blocks.phishing, clientSecret: 'wrong' } } },
    });
    const check = await five.rollcall('check', '--json');
    expect(check.exit).toBe(1);
    const checked = (
      check.json as { platforms: { platform: string; ok: boolean; trials: { detail: string }[] }[] }
    ).platforms;
    expect(checked.map(({ platform, ok }) => [platform, ok])).toEqual([
      ['academy', true],
      ['awareness', true],
      ['phishing', false],
      ['mail', false],
      ['library', true],
    ]);
    expect(checked[2]?.trials[0]?.detail).toContain('clientSecret');

    const { exit, runs } = await five.syncAll();
    expect(exit).toBe(1);
    for (const name of ['academy', 'awareness', 'library'] as const)
      expect(runs[name]?.status).toBe('applied');
    expect(runs['mail']).toMatchObject({ status: 'failed', reasons: [{ code: 'PLATFORM_UNAVAILABLE' }] });
    expect(runs['phishing']).toMatchObject({ status: 'failed', reasons: [{ code: 'SIGN_IN_REFUSED' }] });
    expect(runs['phishing']?.reasons[0]?.message).toContain('phishing');
    const { exit: shown, err } = await five.rollcall('results', '--format', 'csv');
    expect(shown).toBe(1);
    expect(err).toContain('mail: PLATFORM_UNAVAILABLE');
    expect(names.group).toBeDefined();
  });
});
