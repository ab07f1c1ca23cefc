import { describe, expect, it } from 'vitest';
import type { RunReport } from '../../../src/actions/run-report.ts';
import { changed, people, person } from '../../support/company.ts';
import { type Five, openFive, type PlatformName } from '../../support/five.ts';

const timeoutMs = 120_000;

/** One change of a run, as `show --json` tells it. */
type Shown = {
  readonly kind: string;
  readonly person: string;
  readonly disposition: string;
  readonly outcome: string | null;
};

async function changesOf(five: Five, run: string | null | undefined): Promise<readonly string[]> {
  const ended = await five.rollcall('show', run ?? '', '--json');
  const { changes } = ended.json as { changes: readonly Shown[] };
  return changes.map(({ kind, person: who, disposition, outcome }) =>
    `${kind} ${who} ${disposition} ${outcome ?? ''}`.trim(),
  );
}

async function only(five: Five, name: PlatformName): Promise<RunReport> {
  const { runs } = await five.syncAll();
  const run = runs[name];
  if (run === undefined) throw new Error(`no run of ${name}`);
  return run;
}

/** Limits that hold more than so many changes of a kind. */
const atMost = (kind: string, count: number) => ({
  limits: { [kind]: { count, percent: 100, floor: count } },
});

describe('what depends on a held change', () => {
  it('an enrollment is held together with the creation of its account, and goes out with it', {
    timeout: timeoutMs,
  }, async () => {
    const rows = people(12);
    await using five = await openFive({ backend: 'embedded', rows, only: ['library'] });
    expect((await only(five, 'library')).status).toBe('applied');
    await five.configure({
      config: { platforms: { library: { ...five.blocks.library, ...atMost('create', 2) } } },
    });
    // Three joiners, two of whom get the training, and somebody from another department who gets it too.
    const joiners = [101, 102, 103].map((n) =>
      person(n, { department: n === 103 ? 'Board' : 'Stores', location: 'Spain' }),
    );
    await five.export([...changed(rows, { '010001': { department: 'Stores' } }), ...joiners]);
    const run = await only(five, 'library');
    expect(run).toMatchObject({
      status: 'held',
      held: { create: 3, enroll: 2, update: 0 },
      applied: { create: 0, enroll: 1 },
      failed: { enroll: 0 },
    });
    // The reviewer sees what hangs together.
    expect(await changesOf(five, run.id)).toEqual([
      'create 010101 held',
      'create 010102 held',
      'create 010103 held',
      'enroll 010101 held',
      'enroll 010102 held',
    ]);
    expect(five.scim.find('externalId', '010101')).toEqual([]);

    // One hash for all that hangs together.
    const approved = await five.rollcall('approve', run.id ?? '', '--hash', run.hash ?? '', '--json');
    const [released] = (approved.json as { runs: readonly RunReport[] }).runs;
    expect(released).toMatchObject({ status: 'applied', applied: { create: 3, enroll: 2 } });
    const drivers = five.scim.groups.get('group-drivers')?.members ?? new Set();
    for (const id of ['010101', '010102', '010001'])
      expect(drivers.has(five.scim.find('externalId', id)[0]?.id ?? 'nobody')).toBe(true);
    expect(drivers.has(five.scim.find('externalId', '010103')[0]?.id ?? 'nobody')).toBe(false);
  });

  it('an old address stays enrolled as long as the enrollment of the new one is held', {
    timeout: timeoutMs,
  }, async () => {
    const rows = people(12);
    await using five = await openFive({ backend: 'embedded', rows, only: ['mail'] });
    expect((await only(five, 'mail')).status).toBe('applied');
    await five.configure({
      config: { platforms: { mail: { ...five.blocks.mail, ...atMost('enroll', 2) } } },
    });
    const { members } = five.mimecast.group;
    await five.export(
      changed(rows, {
        '010001': { email: 'new.1@example.com' },
        '010002': { email: 'new.2@example.com' },
        '010003': { email: 'new.3@example.com' },
        '010004': { status: 'Terminated' },
      }),
    );
    const run = await only(five, 'mail');
    // The leaver goes; the three who moved are enrolled under one address at any time.
    expect(run).toMatchObject({
      status: 'held',
      held: { enroll: 3, unenroll: 3 },
      applied: { enroll: 0, unenroll: 1 },
    });
    expect(members.has('person.4@example.com')).toBe(false);
    for (const n of [1, 2, 3]) {
      expect(members.has(`person.${n}@example.com`)).toBe(true);
      expect(members.has(`new.${n}@example.com`)).toBe(false);
    }

    const approved = await five.rollcall('approve', run.id ?? '', '--hash', run.hash ?? '', '--json');
    for (const n of [1, 2, 3]) {
      expect(members.has(`person.${n}@example.com`)).toBe(false);
      expect(members.has(`new.${n}@example.com`)).toBe(true);
    }
    // The way back is held as one, too: nobody is taken out under the new address before they are in under the old one.
    const [moved] = (approved.json as { runs: readonly RunReport[] }).runs;
    const way = await five.rollcall('undo', moved?.id ?? '', '--json');
    expect(way.json).toMatchObject({ runs: [{ status: 'held', held: { enroll: 3, unenroll: 3 } }] });
    expect(await only(five, 'mail')).toMatchObject({ status: 'unchanged', requests: { writes: 0 } });
  });
});

describe('what depends on a change that failed', () => {
  it('an old address stays enrolled when the new one could not be, and only that one', {
    timeout: timeoutMs,
  }, async () => {
    const rows = people(12);
    await using five = await openFive({ backend: 'embedded', rows, only: ['mail'] });
    expect((await only(five, 'mail')).status).toBe('applied');
    const { members } = five.mimecast.group;
    const nextDay = changed(rows, {
      '010001': { email: 'new.1@example.com' },
      '010004': { status: 'Terminated' },
    });
    await five.export(nextDay);
    const error = { code: 'err_folder_member_refused', message: 'not this one', retryable: false };
    const refuseOnce = () =>
      five.sandboxes.mail.fail({
        path: /add-group-member$/,
        effect: {
          do: 'answer',
          response: { status: 200, json: { meta: { status: 200 }, data: [], fail: [{ errors: [error] }] } },
        },
      });
    refuseOnce();
    const run = await only(five, 'mail');
    expect(run).toMatchObject({
      status: 'partial',
      applied: { enroll: 0, unenroll: 1 },
      failed: { enroll: 1, unenroll: 1 },
    });
    expect(await changesOf(five, run.id)).toEqual([
      'enroll 010001 apply failed',
      'unenroll 010001 apply skipped',
    ]);
    const { store } = await five.opened();
    expect((await store.journal.failures(run.id ?? '', 10)).map((one) => one.outcome_code)).toEqual([
      'err_folder_member_refused',
      'ENROLL_FAILED',
    ]);
    expect(members.has('person.1@example.com')).toBe(true);
    expect(members.has('new.1@example.com')).toBe(false);
    expect(members.has('person.4@example.com')).toBe(false);

    const moved = await only(five, 'mail');
    expect(moved).toMatchObject({ status: 'applied', applied: { enroll: 1, unenroll: 1 } });
    expect(members.has('person.1@example.com')).toBe(false);
    expect(members.has('new.1@example.com')).toBe(true);

    // Taken back, it is the same the other way round.
    refuseOnce();
    const undone = await five.rollcall('undo', moved.id ?? '', '--apply', '--json');
    expect(undone.json).toMatchObject({ runs: [{ status: 'partial', failed: { enroll: 1, unenroll: 1 } }] });
    expect(members.has('new.1@example.com')).toBe(true);
  });

  it("a failed account takes its own enrollments with it, and nobody else's", {
    timeout: timeoutMs,
  }, async () => {
    const rows = people(12);
    await using five = await openFive({ backend: 'embedded', rows, only: ['library'] });
    expect((await only(five, 'library')).status).toBe('applied');
    const joiners = [101, 102].map((n) => person(n, { department: 'Stores' }));
    five.scim.unprocessable.add(joiners[0]?.email ?? '');
    await five.export([...rows, ...joiners]);
    const run = await only(five, 'library');
    expect(run).toMatchObject({
      status: 'partial',
      applied: { create: 1, enroll: 1 },
      failed: { create: 1, enroll: 1 },
    });
    const { store } = await five.opened();
    expect(
      (await store.journal.failures(run.id ?? '', 10)).map(({ kind, outcome, outcome_code }) =>
        [kind, outcome, outcome_code === 'ACCOUNT_FAILED'].join(' '),
      ),
    ).toEqual(['create failed false', 'enroll skipped true']);

    five.scim.unprocessable.clear();
    expect(await only(five, 'library')).toMatchObject({
      status: 'applied',
      applied: { create: 1, enroll: 1 },
    });
  });
});
