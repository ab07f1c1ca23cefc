import { describe, expect, test, vi } from 'vitest';
import { startScim } from '../../../sandbox/scim/index.ts';
import { openCompany } from '../../support/harness.ts';

// SCIM takes a manager by the id that the platform gave them: it is known once they have an account there.

vi.setConfig({ testTimeout: 120_000 });

const dayMs = 24 * 3_600_000;
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
type Row = readonly [id: string, status: string, boss: string];
const csv = (rows: readonly Row[]): string =>
  `${[['No', 'Mail', 'First', 'Last', 'State', 'Boss'], ...rows.map(([id, status, boss]) => [id, `${id}@example.com`, 'Zoe', `Okafor ${id}`, status, boss])].map((cells) => cells.join(',')).join('\r\n')}\r\n`;

/** A hierarchy of three steps, whose top comes last; one whose manager has no account, one whose manager is unknown. */
const staff: readonly Row[] = [
  ['E01', 'Active', 'E05'],
  ['E02', 'Active', 'e05@example.com'],
  ['E03', 'Active', 'X01'],
  ['E04', 'Active', 'E99'],
  ['E05', 'Active', 'E06'],
  ['E06', 'Active', ''],
  ['X01', 'Active', ''],
];
const changed = (
  rows: readonly Row[],
  by: Readonly<Record<string, Partial<{ status: string; boss: string }>>>,
) => rows.map(([id, status, boss]): Row => [id, by[id]?.status ?? status, by[id]?.boss ?? boss]);

type Options = NonNullable<Parameters<typeof startScim>[0]>;
async function open(service: Options) {
  const { sandbox, state, token, baseUrl } = await startScim(service);
  const company = await openCompany(
    {
      backend: 'embedded',
      clock: '2026-11-20T12:00:00Z',
      rows: [],
      roster: {
        columns: {
          id: 'No',
          email: 'Mail',
          firstName: 'First',
          lastName: 'Last',
          status: 'State',
          manager: 'Boss',
        },
        attributes: [],
        maxRecoded: '100%',
        maxEmptied: '100%',
        maxShrink: '50%',
      },
      platform: { accounts: 'person.state == "active" && !person.id.startsWith("X")' },
    },
    { sandbox, block: { provider: 'scim', baseUrl, token } },
  );
  const idOf = (account: unknown): string | undefined =>
    state.users.find(({ id }) => id === account)?.externalId?.toString();
  return Object.assign(company, {
    scim: state,
    night: async (rows: readonly Row[]) => {
      company.clock.advance(dayMs);
      await company.export(csv(rows));
      sandbox.clearLog();
      return await company.sync('--yes');
    },
    writes: () => sandbox.log.filter(({ kind }) => kind === 'write'),
    /** Employee ids of managers, by that of their people. */
    managers: () =>
      Object.fromEntries(
        state.users.flatMap((user) => {
          const value = (user[enterprise] as { manager?: { value?: string } } | undefined)?.manager?.value;
          return value === undefined ? [] : [[String(user.externalId), idOf(value)]];
        }),
      ),
  });
}

describe.each<[name: string, service: Options]>([
  ['one request each', {}],
  ['/Bulk', { bulk: { maxOperations: 4 } }],
  ['PUT', { patch: false }],
])('%s', (_name, service) => {
  test('managers are set by their account, those made in the same run too; then no update every night', async () => {
    await using company = await open(service);
    const first = await company.night(staff);
    expect(first).toMatchObject({
      exit: 0,
      status: 'applied',
      applied: { create: 6, update: 0 },
      failed: { create: 0 },
    });
    expect(company.managers()).toEqual({ E01: 'E05', E02: 'E05', E05: 'E06' });
    const shown = await company.rollcall('show', 'last', '--json', '--all');
    expect(shown.json).toMatchObject({
      notes: expect.arrayContaining([
        {
          code: 'MANAGERS_WITHOUT_ACCOUNT',
          message: '1 people have a manager without an account there: their field manager is empty',
        },
      ]),
    });

    for (let again = 0; again < 2; again++) {
      expect(await company.night(staff)).toMatchObject({ exit: 0, status: 'unchanged' });
      expect(company.writes()).toEqual([]);
    }

    // A joiner becomes the manager of two who are there, and of another joiner.
    const joined = [
      ...changed(staff, { E01: { boss: 'E08' }, E04: { boss: 'E08' } }),
      ['E07', 'Active', 'E08'],
      ['E08', 'Active', 'E06'],
    ] as const;
    expect(await company.night(joined)).toMatchObject({ exit: 0, applied: { create: 2, update: 2 } });
    expect(company.managers()).toEqual({
      E01: 'E08',
      E02: 'E05',
      E04: 'E08',
      E05: 'E06',
      E07: 'E08',
      E08: 'E06',
    });
    expect(await company.night(joined)).toMatchObject({ exit: 0, status: 'unchanged' });

    // The manager leaves: their people have none, and keep their accounts.
    const left = changed(joined, { E08: { status: 'Terminated' } });
    expect(await company.night(left)).toMatchObject({ exit: 0, applied: { update: 3, deactivate: 1 } });
    expect(company.managers()).toEqual({ E02: 'E05', E05: 'E06', E08: 'E06' });
    expect(await company.night(left)).toMatchObject({ exit: 0, status: 'unchanged' });
  });
});

test('a manager whose account cannot be made is no failure of their people', async () => {
  await using company = await open({});
  await company.night(staff);
  company.scim.unprocessable.add('E09@example.com');
  company.scim.unprocessable.add('e09@example.com');
  const joined = [
    ...changed(staff, { E01: { boss: 'E09' } }),
    ['E08', 'Active', 'E09'],
    ['E09', 'Active', ''],
  ] as const;
  const run = await company.night(joined);
  expect(run).toMatchObject({ exit: 4, status: 'partial', applied: { create: 1 }, failed: { create: 1 } });
  expect(company.managers()).toMatchObject({ E01: 'E05' });
  const shown = await company.rollcall('show', 'last', '--json', '--failed');
  expect(JSON.stringify(shown.json)).toContain('MANAGER_FAILED');

  company.scim.unprocessable.clear();
  expect(await company.night(joined)).toMatchObject({ exit: 0, applied: { create: 1, update: 2 } });
  expect(company.managers()).toMatchObject({ E01: 'E09', E08: 'E09' });
});

test('while the manager is held, who only waits for them waits too; what was done can be taken back', async () => {
  await using company = await open({});
  await company.night(staff);
  await company.configure({ platform: { limits: { create: { count: 0, floor: 0 } } } });
  const joined = [...changed(staff, { E01: { boss: 'E09' } }), ['E09', 'Active', '']] as const;
  const held = await company.night(joined);
  expect(held).toMatchObject({
    exit: 3,
    status: 'held',
    held: { create: 1, update: 1 },
    applied: { update: 0 },
  });
  expect(company.writes()).toEqual([]);

  const approved = await company.rollcall('approve', held.id ?? '', '--hash', held.hash ?? '', '--json');
  expect(approved, approved.out + approved.err).toMatchObject({
    exit: 0,
    json: { runs: [{ applied: { create: 1, update: 1 } }] },
  });
  expect(company.managers()).toMatchObject({ E01: 'E09' });

  const [run] = (approved.json as { readonly runs: readonly { readonly id: string }[] }).runs;
  const undo = await company.rollcall('undo', run?.id ?? '', '--json', '--apply');
  expect(undo.exit, undo.out + undo.err).toBe(0);
  expect(company.managers()).toMatchObject({ E01: 'E05' });
});

test('joiners that were rejected together with their manager do not come again', async () => {
  await using company = await open({});
  await company.night(staff);
  await company.configure({ platform: { limits: { create: { count: 0, floor: 0 } } } });
  const joined = [...staff, ['E08', 'Active', 'E09'], ['E09', 'Active', '']] as const;
  const held = await company.night(joined);
  expect(held).toMatchObject({ exit: 3, status: 'held', held: { create: 2 } });
  const rejected = await company.rollcall('reject', held.id ?? '', '--reason', 'not yet', '--json');
  expect(rejected.exit, rejected.out + rejected.err).toBe(0);

  await company.configure({ platform: { limits: { create: { count: 1_000, percent: 100, floor: 50 } } } });
  for (let again = 0; again < 2; again++) {
    expect(await company.night(joined)).toMatchObject({ exit: 0, applied: { create: 0, update: 0 } });
    expect(company.writes()).toEqual([]);
  }
});

test('a run of one person sets their manager too, and changes nothing that is right', async () => {
  await using company = await open({});
  await company.night(staff);
  const { engine } = await company.opened();
  await engine.start();
  const resync = async (person: string) => {
    company.clock.advance(60_000);
    const job = await engine.request({
      customer: 'harbour',
      platform: 'academy',
      trigger: 'resync',
      actor: 'jo',
      person,
      reason: null,
    });
    await engine.result(job, { signal: AbortSignal.timeout(30_000) });
    return (await company.rollcall('show', 'last', '--json')).json;
  };
  expect(await resync('E01')).toMatchObject({ status: 'unchanged' });
  await company.export(csv(changed(staff, { E01: { boss: 'E06' } })));
  expect(await resync('E01')).toMatchObject({ status: 'applied', applied: { update: 1 } });
  expect(company.managers()).toMatchObject({ E01: 'E06' });
});
