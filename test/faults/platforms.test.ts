import { expect, it } from 'vitest';
import type { Fault, SandboxResponse } from '../../sandbox/server.ts';
import type { RunReport } from '../../src/actions/run-report.ts';
import { providers } from '../../src/providers/registry.ts';
import { changed, people } from '../support/company.ts';
import { type Five, openFive, type PlatformName, providerOf } from '../support/five.ts';

const timeoutMs = 180_000;

/** What a fault needs to know of a platform. */
type Case = {
  readonly name: PlatformName;
  /** The read that proves who is there, and what it answers when it is empty. */
  readonly read: RegExp;
  readonly empty: (response: SandboxResponse) => SandboxResponse;
  /** A refusal of the credentials, as the vendor words it. */
  readonly refusal: SandboxResponse;
  /** A write that must not be applied twice. */
  readonly write: RegExp;
  /** Who is there, by whatever the platform knows people by; inactive ones are marked. */
  readonly there: (five: Five) => readonly string[];
};

type Json = Record<string, unknown>;

const cases: readonly Case[] = [
  {
    name: 'awareness',
    read: /\/Users$/,
    empty: (response) => ({
      ...response,
      json: { ...(response.json as Json), totalResults: 0, Resources: [] },
    }),
    refusal: { status: 401, json: { status: '401' } },
    write: /\/Bulk$/,
    there: (five) =>
      five.outthink.scim.users.map((user) => `${String(user['userName'])} ${String(user['active'])}`),
  },
  {
    name: 'phishing',
    read: /\/target-users\/search$/,
    empty: (response) => {
      const json = response.json as { data: Json };
      const data = { ...json.data, totalNumberOfPages: 0, totalNumberOfRecords: 0, results: [] };
      return { ...response, json: { ...json, data } };
    },
    refusal: { status: 401, json: { isSuccess: false, messages: ['UNAUTHORIZED'] } },
    write: /\/target-users$/,
    there: (five) => five.keepnet.company.users.rows().map(({ email, isActive }) => `${email} ${isActive}`),
  },
  {
    name: 'mail',
    read: /get-group-members$/,
    empty: (response) => ({
      ...response,
      json: {
        meta: { status: 200, pagination: { pageSize: 0, totalCount: 0 } },
        data: [{ groupMembers: [] }],
        fail: [],
      },
    }),
    refusal: {
      status: 401,
      json: { meta: { status: 401 }, data: [], fail: [{ errors: [{ code: 'token_verification_failed' }] }] },
    },
    write: /add-group-member$/,
    there: (five) => [...five.mimecast.group.members.keys()],
  },
  {
    name: 'library',
    read: /\/Users$/,
    empty: (response) => ({
      ...response,
      json: { ...(response.json as Json), totalResults: 0, Resources: [] },
    }),
    refusal: { status: 401, json: { status: '401' } },
    write: /\/Bulk$/,
    there: (five) => five.scim.users.map((user) => `${String(user['externalId'])} ${String(user['active'])}`),
  },
];

/** Twenty-four people: enough for a shrunken group to be noticed. */
const rows = people(24);
const html: SandboxResponse = { status: 200, text: '<html><body>Please sign in</body></html>' };

async function sync(five: Five, name: PlatformName): Promise<RunReport & { readonly exit: number }> {
  const { exit, runs } = await five.syncAll(name);
  const run = runs[name];
  if (run === undefined) throw new Error('no run');
  return { ...run, exit };
}

it('speaks of every provider', () => {
  // Sparkwise has the long table (matrix.ts).
  const known = [providerOf.academy, ...cases.map(({ name }) => providerOf[name])];
  const step = 'docs/adding-a-provider.md, the fault matrix: test/support/five.ts, and a row here';
  expect(known.toSorted(), step).toEqual(Object.keys(providers).toSorted());
});

for (const { name, read, empty, refusal, write, there } of cases) {
  it(`survives the faults of ${name}`, { timeout: timeoutMs }, async () => {
    await using five = await openFive({ backend: 'embedded', rows, only: [name], pageSize: 10 });
    const sandbox = five.sandboxes[name];
    const answer = (response: SandboxResponse): Fault['effect'] => ({ do: 'answer', response });

    // Writing: applied without an answer, then one request too many. Each change is made once.
    sandbox.fail({ path: write, kind: 'write', effect: { do: 'drop', applied: true } });
    sandbox.fail({
      path: write,
      kind: 'write',
      effect: answer({ status: 429, headers: { 'retry-after': '1' }, text: '' }),
    });
    const first = await sync(five, name);
    expect(first).toMatchObject({ status: 'applied', exit: 0, failed: { create: 0, enroll: 0 } });
    const before = there(five);
    expect(new Set(before).size).toBe(before.length);
    expect(before).toHaveLength(rows.length);

    // Reading: nobody is removed, and nothing is written.
    await five.export(changed(rows, { '010001': { status: 'Terminated' } }));
    const meets = async (effect: Fault['effect'], status: string, code: string): Promise<void> => {
      const remove = sandbox.fail({ path: read, times: Number.POSITIVE_INFINITY, effect });
      const run = await sync(five, name);
      expect([run.status, run.exit]).toEqual([status, status === 'withheld' ? 3 : 1]);
      expect(run.reasons.map((reason) => reason.code)).toContain(code);
      expect(run.applied.deactivate + run.applied.unenroll).toBe(0);
      remove();
    };
    await meets(answer(html), 'failed', 'PLATFORM_BAD_ANSWER');
    await meets(answer(refusal), 'failed', 'SIGN_IN_REFUSED');
    // Everybody gone at once is no reason to believe it.
    const shrunk = name === 'mail' ? 'TARGET_SHRUNK' : 'PLATFORM_EMPTY';
    await meets({ do: 'rewrite', rewrite: empty }, 'withheld', shrunk);
    expect(there(five)).toEqual(before);

    // A server error in the middle of the pages costs a repetition, and nothing else.
    sandbox.clearLog();
    sandbox.fail({ path: read, skip: 1, effect: answer({ status: 503, text: '' }) });
    const removed = await sync(five, name);
    expect(sandbox.log.some(({ status }) => status === 503)).toBe(true);
    expect(removed.status).toBe('applied');
    expect(removed.applied.deactivate + removed.applied.unenroll).toBe(1);
    expect(await sync(five, name)).toMatchObject({ status: 'unchanged', requests: { writes: 0 } });
  });
}
