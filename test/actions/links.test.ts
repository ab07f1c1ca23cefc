import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScimState } from '../../sandbox/scim/state.ts';
import type { SparkwiseState } from '../../sandbox/sparkwise/state.ts';
import { crowd, type House, openHouse, type World } from './house.ts';

type Reviews = {
  reviews: {
    platform: string;
    person: string;
    code: string;
    meaning: string;
    accounts: string[];
    settle: string[];
  }[];
};
type Explained = {
  roster: {
    is: string;
    state?: string;
    line?: number;
    why?: string;
    rows?: { code: string; line: number }[];
    absence?: { exports: number; due: boolean } | null;
  };
  platforms: {
    accounts: { rule: string; answer: boolean } | null;
    targets: { target: string; answer: boolean; rule: string }[];
    link: { account: string } | null;
    review: { code: string } | null;
    ignored: boolean;
    protectedFrom: string[];
    held: { run: string; kind: string }[];
    next: string;
  }[];
  journal: { kind: string; outcome: string; reason: string; actor: string; trigger: string }[];
};

let house: House;
let academy: World & { readonly state: SparkwiseState };
let directory: World & { readonly state: ScimState };
let people: World & { readonly state: SparkwiseState };

beforeAll(async () => {
  house = await openHouse();
  academy = await house.sparkwise('academy-co');
  directory = await house.scim('directory-co', {
    groups: ['Safety'],
    platform: { enrollments: [{ target: 'Safety', when: 'person.department == "Stores"' }] },
  });
  people = await house.sparkwise('people-co', {
    config: {
      protect: { people: ['P1'], from: ['deactivate'] },
      ignore: { people: ['I1'] },
      absence: { exports: 2, days: 0 },
    },
    platform: { limits: { deactivate: { floor: 1, percent: 1 } } },
  });
});
afterAll(() => house.close());

describe('review, link and unlink', () => {
  it('lists an inactive account that was never ours, and links it by hand', async () => {
    const old = academy.state.add({
      firstName: 'First1001',
      lastName: 'Last1001',
      active: false,
      remoteId: '1001',
    });
    await academy.roster(crowd(3));
    expect(await academy.sync()).toMatchObject({ review: 1, applied: { create: 2 } });
    const { reviews } = await academy.json<Reviews>('review');
    expect(reviews).toMatchObject([
      {
        platform: 'academy',
        person: '1001',
        code: 'INACTIVE_NOT_OURS',
        accounts: [old.id],
        settle: [`rollcall link 1001 academy ${old.id}`],
      },
    ]);
    expect((await academy.run('review')).out).toContain(`rollcall link 1001 academy ${old.id}`);
    const linked = await academy.json('link', '1001', 'academy', old.id);
    expect(linked).toMatchObject({ account: old.id, active: false, settled: 'INACTIVE_NOT_OURS', exit: 0 });
    expect((await academy.json<Reviews>('review')).reviews).toEqual([]);
    expect(await academy.sync()).toMatchObject({ review: 0, applied: { reactivate: 1 } });
    expect(await academy.sync()).toMatchObject({ status: 'unchanged' });
  });

  it('never puts two people on one account', async () => {
    const theirs = academy.state.byRemoteId.get('1002');
    const refused = await academy.run('link', '1001', 'academy', theirs?.id ?? '');
    expect(refused).toMatchObject({ exit: 2, code: 'LINK_REFUSED' });
    await academy.roster(crowd(4));
    const taken = await academy.run('link', '1004', 'academy', theirs?.id ?? '');
    expect(taken).toMatchObject({ exit: 2, code: 'LINK_REFUSED' });
    expect(taken.message).toContain('1002');
    expect(await academy.run('link', '1004', 'academy', 'nobody')).toMatchObject({ code: 'LINK_REFUSED' });
    expect(await academy.run('link', '7777', 'academy', theirs?.id ?? '')).toMatchObject({
      code: 'PERSON_UNKNOWN',
    });
    expect(await academy.run('link', '1004', 'acadamy', 'x')).toMatchObject({ code: 'PLATFORM_UNKNOWN' });
    expect(await academy.run('link', '1004')).toMatchObject({ code: 'USAGE' });
    // Two at the same moment: one of them has it.
    const free = academy.state.add({ firstName: 'Free', lastName: 'Free', remoteId: null });
    await academy.roster(crowd(5));
    const both = await Promise.all(
      ['1004', '1005'].map((person) => academy.run('link', person, 'academy', free.id)),
    );
    expect(both.filter((one) => one.exit === 0)).toHaveLength(1);
    expect(['LINK_REFUSED', 'RUN_OVERLAP']).toContain(both.find((one) => one.exit !== 0)?.code);
    expect(await house.store.links.ofAccount('academy-co', 'academy', free.id)).toBeDefined();
  });

  it('settles a changed identity for who it was confirmed of, and for nobody after them', async () => {
    await directory.roster(crowd(2));
    expect(await directory.sync()).toMatchObject({ applied: { create: 2, enroll: 2 } });
    const other = (email: string, last: string) =>
      crowd(2).map((row) => (row.id === '1001' ? { ...row, first: 'Other', last, email } : row));
    await directory.roster(other('other@example.com', 'Person'));
    expect(await directory.sync()).toMatchObject({ review: 1, applied: { update: 0 } });
    const { reviews } = await directory.json<Reviews>('review', 'directory');
    expect(reviews).toMatchObject([{ person: '1001', code: 'IDENTITY_CHANGED' }]);
    const [account = ''] = reviews[0]?.accounts ?? [];
    // By the employee id it carries, as well as by its own.
    expect(await directory.json('link', '1001', 'directory', '1001')).toMatchObject({ account });
    expect(await directory.sync()).toMatchObject({ review: 0, applied: { update: 1 } });
    await directory.roster(other('third@example.com', 'Human'));
    expect(await directory.sync()).toMatchObject({ review: 1 });
    await directory.roster(other('other@example.com', 'Person'));
    expect(await directory.sync()).toMatchObject({ review: 0, status: 'unchanged' });
  });

  it('unlink leaves the account as it is and says what comes next', async () => {
    const unlinked = await directory.json<{ next: string }>('unlink', '1002', 'directory');
    expect(unlinked.next).toContain('adopts an active one');
    expect(await directory.run('unlink', '1002', 'directory')).toMatchObject({
      exit: 2,
      code: 'LINK_REFUSED',
    });
    expect(await house.store.links.count('directory-co', 'directory')).toBe(1);
    expect(await directory.sync()).toMatchObject({ status: 'unchanged' });
    expect(await house.store.links.count('directory-co', 'directory')).toBe(2);
    // Nobody links while a run has the platform.
    await house.store.leases.take('directory-co', 'directory', 'a run', 60_000);
    expect(await directory.run('unlink', '1002', 'directory')).toMatchObject({
      exit: 1,
      code: 'RUN_OVERLAP',
    });
    await house.store.leases.release('directory-co', 'directory', 'a run');
  });
});

describe('explain', () => {
  it('tells each state of a person by the rule that made it', async () => {
    await people.roster([
      { id: 'A1' },
      { id: 'L1', status: 'Leave' },
      { id: 'P1' },
      { id: 'I1' },
      { id: 'M1' },
      { id: 'T1' },
      { id: 'T2' },
      { id: 'R1' },
    ]);
    await people.sync();
    await people.roster([
      { id: 'A1' },
      { id: 'L1', status: 'Leave' },
      { id: 'P1', status: 'Left' },
      { id: 'I1' },
      { id: 'T1', status: 'Left' },
      { id: 'T2', status: 'Left' },
      { id: 'R1', status: 'Who knows' },
      { id: 'N1' },
    ]);
    expect(await people.sync()).toMatchObject({ status: 'held', held: { deactivate: 2 } });
    const of = (id: string) => people.json<Explained>('explain', id);

    const active = await of('A1');
    expect(active.roster).toMatchObject({ is: 'present', state: 'active', line: 2 });
    expect(active.roster.why).toContain('rule 3 of roster.state: person.status == "Active"');
    expect(active.platforms).toMatchObject([{ accounts: { answer: true } }]);
    expect(active.journal).toMatchObject([
      { kind: 'create', outcome: 'done', reason: 'NEW_PERSON', trigger: 'command', actor: 'command' },
    ]);
    expect((await of('L1')).roster).toMatchObject({ state: 'leave' });

    const leaver = await of('T1');
    expect(leaver.platforms).toMatchObject([{ accounts: { answer: false }, held: [{ kind: 'deactivate' }] }]);
    expect(leaver.platforms[0]?.next).toContain('they have left');
    expect(leaver.journal.map((line) => line.outcome)).toEqual(['held', 'done']);

    expect((await of('P1')).platforms).toMatchObject([
      { protectedFrom: ['deactivate'], next: 'the account stays: they are protected' },
    ]);
    expect((await of('I1')).platforms).toMatchObject([{ ignored: true, link: null }]);
    const rejected = await of('R1');
    expect(rejected.roster).toMatchObject({ is: 'rejected', rows: [{ code: 'STATUS_UNKNOWN', line: 8 }] });
    expect(rejected.platforms).toMatchObject([
      { accounts: null, next: expect.stringContaining('rejected row') },
    ]);
    const missing = await of('M1');
    expect(missing.roster).toMatchObject({ is: 'missing', absence: { exports: 1, due: false } });
    expect((await people.run('explain', 'M1')).out).toContain('not on it for 1 exports');

    for (const id of ['A1', 'T1', 'P1', 'I1', 'R1'])
      expect((await people.run('explain', id)).out.split('\n')[0]).toBe(id);
    expect(await people.run('explain', 'X9')).toMatchObject({ exit: 2, code: 'PERSON_UNKNOWN' });
    expect(await people.run('explain')).toMatchObject({ exit: 2, code: 'USAGE' });
  });

  it('tells targets by their rules, and people in review', async () => {
    const found = await directory.json<Explained>('explain', '1001');
    expect(found.platforms[0]?.targets).toEqual([
      { target: 'Safety', rule: 'person.department == "Stores"', answer: true },
    ]);
    await directory.roster([
      { id: '1001', first: 'New', last: 'Name', email: 'new@example.com' },
      { id: '1002' },
    ]);
    await directory.sync();
    expect((await directory.json<Explained>('explain', '1001')).platforms).toMatchObject([
      { review: { code: 'IDENTITY_CHANGED' }, next: 'nothing, until the review is settled' },
    ]);
  });
});
