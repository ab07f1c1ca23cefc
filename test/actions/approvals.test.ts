import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SparkwiseState } from '../../sandbox/sparkwise/state.ts';
import type { RunReport } from '../../src/actions/run-report.ts';
import { crowd, type House, openHouse, type World } from './house.ts';

type Academy = World & { readonly state: SparkwiseState };
type Shown = Omit<RunReport, 'changes'> & {
  hold: string;
  decidedBy: string | null;
  replacedBy: string | null;
  notes: { code: string; message: string }[];
  approvals: { by: string; via: string; at: string; people: string[] | null; usedBy: string | null }[];
  carriesOut: { run: string } | null;
  changes: { kind: string; person: string; disposition: string; outcome: string | null }[];
};

const hourMs = 3_600_000;
let house: House;
const worlds = new Map<string, Academy>();
const names = [
  'mass',
  'hash',
  'expiry',
  'twice',
  'only',
  'rejected',
  'withdrawn',
  'replaced',
  'crash',
  'failing',
  'paused',
  'lost',
];

beforeAll(async () => {
  house = await openHouse();
  for (const name of names) worlds.set(name, await house.sparkwise(name));
});
afterAll(() => house.close());

function at(name: string): Academy {
  const world = worlds.get(name);
  if (world === undefined) throw new Error(`no world ${name}`);
  return world;
}

const inactive = (world: Academy): number => world.state.users.filter((user) => !user.active).length;

/** 100 people are there, and then the first `left` leave at once: held. */
async function held(world: Academy, left: number): Promise<{ id: string; hash: string }> {
  await world.roster(crowd(100));
  expect(await world.sync()).toMatchObject({ status: 'applied', exit: 0 });
  await world.roster(crowd(100, left));
  const run = await world.sync();
  expect(run).toMatchObject({
    status: 'held',
    exit: 3,
    held: { deactivate: left },
    applied: { deactivate: 0 },
  });
  return { id: run.id ?? '', hash: run.hash ?? '' };
}

describe('a hold', () => {
  it('is shown to the reviewer, released by its hash, and leaves who approved it in the journal', async () => {
    const world = at('mass');
    const { id, hash } = await held(world, 30);
    expect(inactive(world)).toBe(0);
    const text = (await world.run('show', id)).out;
    expect(text).toContain(hash);
    expect(text).toContain('First1001 Last1001');
    expect(text).toContain(`rollcall approve ${id} --hash ${hash}`);

    const approved = await world.json<{ runs: RunReport[] }>('approve', id, '--hash', hash);
    expect(approved.exit).toBe(0);
    expect(approved.runs).toMatchObject([{ status: 'applied', applied: { deactivate: 30 } }]);
    expect(inactive(world)).toBe(30);

    const shown = await world.json<Shown>('show', id);
    expect(shown).toMatchObject({ hold: 'approved', decidedBy: 'command, command line of jo' });
    expect(shown.approvals).toMatchObject([
      { by: 'command', via: 'command line of jo', usedBy: approved.runs[0]?.id },
    ]);
    expect((await world.json<Shown>('show', 'last')).carriesOut).toMatchObject({ run: id });
    expect((await world.run('show', id)).out).toContain('command line of jo');
    expect(await world.sync()).toMatchObject({ status: 'unchanged', requests: { writes: 0 } });
  });

  it('releases only what was reviewed: twenty more who leave before the approval are held anew', async () => {
    const world = at('lost');
    const { id, hash } = await held(world, 30);
    // Of the thirty one is back; twenty more have left.
    await world.roster(crowd(100, 50).map((row) => (row.id === '1001' ? { id: row.id } : row)));
    const approved = await world.json<{ runs: RunReport[] }>('approve', id, '--hash', hash);
    expect(approved.exit).toBe(3);
    const [run] = approved.runs;
    expect(run).toMatchObject({ status: 'held', applied: { deactivate: 29 }, held: { deactivate: 20 } });
    expect(world.state.byRemoteId.get('1001')?.active).toBe(true);
    expect(world.state.byRemoteId.get('1031')?.active).toBe(true);
    expect(inactive(world)).toBe(29);
    const shown = await world.json<Shown>('show', run?.id ?? '');
    expect(shown.notes).toContainEqual(
      expect.objectContaining({ code: 'APPROVAL_USED', message: expect.stringContaining('29 of 30') }),
    );
    expect(shown.changes.filter((change) => change.disposition === 'held')).toHaveLength(20);
    // What is held now has a hash of its own.
    expect(run?.hash).not.toBe(hash);
    const rest = await world.json<{ runs: RunReport[] }>('approve', run?.id ?? '', '--hash', run?.hash ?? '');
    expect(rest.runs).toMatchObject([{ status: 'applied', applied: { deactivate: 20 } }]);
  });

  it('is not released by another hash, and the error does not give the right one away', async () => {
    const world = at('hash');
    const { id, hash } = await held(world, 20);
    const wrong = await world.run('approve', id, '--hash', '0123456789abcdef');
    expect(wrong).toMatchObject({ exit: 2, code: 'HASH_MISMATCH' });
    expect(wrong.message).toContain(`rollcall show ${id}`);
    expect(wrong.message).not.toContain(hash);
    expect(await world.run('approve', id)).toMatchObject({ exit: 2, code: 'USAGE' });
    expect(await world.run('approve', 'academy-nothing', '--hash', hash)).toMatchObject({
      exit: 2,
      code: 'RUN_UNKNOWN',
    });
    // Another customer's run is nobody's here.
    expect(await at('expiry').run('approve', id, '--hash', hash)).toMatchObject({ code: 'RUN_UNKNOWN' });
    expect(inactive(world)).toBe(0);
    expect((await world.json<Shown>('show', id)).hold).toBe('open');
  });

  it('serves once', async () => {
    const world = at('twice');
    const { id, hash } = await held(world, 20);
    const both = await Promise.all([
      world.run('approve', id, '--hash', hash),
      world.run('approve', id, '--hash', hash),
    ]);
    expect(both.map((one) => one.exit).sort()).toEqual([0, 2]);
    expect(both.find((one) => one.exit === 2)).toMatchObject({ code: 'RUN_NOT_HELD' });
    expect(await world.run('approve', id, '--hash', hash)).toMatchObject({ exit: 2, code: 'RUN_NOT_HELD' });
    expect(inactive(world)).toBe(20);

    // All are put back by hand, and leave again: the used approval releases nothing, whoever asks for it.
    const { approvals } = await world.json<Shown & { approvals: { id: string }[] }>('show', id);
    for (const user of world.state.users) user.active = true;
    house.later(25 * hourMs);
    const job = await house.engine().request({
      customer: 'twice',
      platform: 'academy',
      trigger: 'approval',
      actor: 'test',
      approval: approvals[0]?.id ?? '',
    });
    const result = await house.engine().result(job, { signal: AbortSignal.timeout(20_000) });
    expect(result).toMatchObject({ run: { status: 'failed', reasons: [{ code: 'RUN_NOT_HELD' }] } });
    expect(inactive(world)).toBe(0);
  });

  it('releases only the people named with --only', async () => {
    const world = at('only');
    const { id, hash } = await held(world, 20);
    const stranger = await world.run('approve', id, '--hash', hash, '--only', '1001', '--only', '1099');
    expect(stranger).toMatchObject({ exit: 2, code: 'PERSON_UNKNOWN' });
    expect(stranger.message).toContain('1099');
    const approved = await world.json<{ runs: RunReport[] }>(
      'approve',
      id,
      '--hash',
      hash,
      '--only',
      '1001',
      '1002',
    );
    expect(approved.exit).toBe(3);
    expect(approved.runs).toMatchObject([
      { status: 'held', applied: { deactivate: 2 }, held: { deactivate: 18 } },
    ]);
    expect(world.state.users.filter((user) => !user.active).map((user) => user.remoteId)).toEqual([
      '1001',
      '1002',
    ]);
    expect((await world.json<Shown>('show', id)).approvals).toMatchObject([{ people: ['1001', '1002'] }]);
    // The old run tells what was released from what is judged anew.
    const { out } = await world.run('show', id);
    expect(out).toMatch(/deactivate +1002 .* approved/);
    expect(out).toMatch(/deactivate +1003 .* not approved/);
  });

  it('that is replaced by a newer plan names it', async () => {
    const world = at('replaced');
    const { id, hash } = await held(world, 20);
    const newer = await world.sync();
    expect(newer).toMatchObject({ status: 'held', hash });
    const refused = await world.run('approve', id, '--hash', hash);
    expect(refused).toMatchObject({ exit: 2, code: 'RUN_NOT_HELD' });
    expect(refused.message).toContain(newer.id ?? '?');
    expect(await world.json<Shown>('show', id)).toMatchObject({ hold: 'replaced', replacedBy: newer.id });
    const begun = await world.run('show', 'academy-');
    expect(begun).toMatchObject({ exit: 2, code: 'RUN_UNKNOWN' });
    expect(begun.message).toContain(id);
    const { runs } = await world.json<{ runs: Shown[] }>('runs', 'academy', '--limit', '2');
    expect(runs.map((run) => [run.id, run.hold])).toEqual([
      [newer.id, 'open'],
      [id, 'replaced'],
    ]);
    expect((await world.run('runs')).out).toContain('held, replaced');
  });

  it('expires, is shown so, and cannot be approved any more', async () => {
    const world = at('expiry');
    const { id, hash } = await held(world, 20);
    house.later(24 * hourMs + 1_000);
    expect(await world.run('approve', id, '--hash', hash)).toMatchObject({
      exit: 2,
      code: 'APPROVAL_EXPIRED',
    });
    expect(await world.json<Shown>('show', id)).toMatchObject({ hold: 'expired' });
    expect((await world.run('show', id)).out).toMatch(/expired/);
    expect((await world.run('runs')).out).toContain('held, expired');
    expect(inactive(world)).toBe(0);
  });

  it('that is rejected is not proposed again, until the date or until it changes', async () => {
    const world = at('rejected');
    const { id } = await held(world, 20);
    expect(await world.run('reject', id, '--until', '2001-01-01')).toMatchObject({ exit: 2, code: 'USAGE' });
    const rejected = await world.json<{ rejected: number }>('reject', id);
    expect(rejected).toMatchObject({ rejected: 20, exit: 0 });
    expect(await world.run('reject', id)).toMatchObject({ exit: 2, code: 'RUN_NOT_HELD' });
    expect(await world.json<Shown>('show', id)).toMatchObject({ hold: 'rejected' });
    expect(await world.sync()).toMatchObject({ status: 'unchanged', exit: 0 });
    const explained = await world.json<{ platforms: { suppressions: unknown[]; next: string }[] }>(
      'explain',
      '1001',
    );
    expect(explained.platforms[0]).toMatchObject({
      suppressions: [{ cause: 'rejected', kind: 'deactivate' }],
    });

    // Two more leave: only they are proposed.
    await world.roster(crowd(100, 22));
    expect(await world.sync()).toMatchObject({ status: 'applied', applied: { deactivate: 2 } });
    // One was a mistake of HR's, and really leaves a week later: that is another matter.
    await world.roster(crowd(100, 22).map((row) => (row.id === '1001' ? { id: row.id } : row)));
    expect(await world.sync()).toMatchObject({ status: 'unchanged' });
    await world.roster(crowd(100, 22));
    expect(await world.sync()).toMatchObject({ status: 'applied', applied: { deactivate: 1 } });
    expect(world.state.byRemoteId.get('1001')?.active).toBe(false);
    house.later(31 * 24 * hourMs);
    expect(await world.sync()).toMatchObject({ status: 'held', held: { deactivate: 19 } });
  });

  it('that is rejected is told by status and show, and can be taken back', async () => {
    const world = at('withdrawn');
    const { id, hash } = await held(world, 20);
    type Status = { platforms: { rejections: { run: string; changes: number; until: string }[] }[] };
    const rejections = async () => (await world.json<Status>('status')).platforms[0]?.rejections;
    const nothing = await world.run('reject', id, '--withdraw');
    expect(nothing).toMatchObject({ exit: 2, code: 'RUN_NOT_HELD' });
    expect(await rejections()).toEqual([]);
    await world.run('reject', id, '--reason', 'HR is asked');
    expect(await rejections()).toMatchObject([{ run: id, changes: 20, until: expect.any(String) }]);
    expect((await world.run('status')).out).toContain(`rollcall reject ${id} --withdraw`);
    expect((await world.run('show', id)).out).toMatch(/rejected .* by command .*: HR is asked/);

    // The same hold waits again, under the same hash.
    expect(await world.json('reject', id, '--withdraw')).toMatchObject({ withdrawn: 20, waits: true });
    expect(await rejections()).toEqual([]);
    expect(await world.json<Shown>('show', id)).toMatchObject({ hold: 'open', hash });
    expect((await world.run('show', id)).out).toMatch(/taken back .* by command/);

    // Once a newer run has taken its place, that one judges.
    await world.run('reject', id);
    expect(await world.sync()).toMatchObject({ status: 'unchanged' });
    expect(await world.json('reject', id, '--withdraw')).toMatchObject({ withdrawn: 20, waits: false });
    expect(await world.run('approve', id, '--hash', hash)).toMatchObject({ exit: 2, code: 'RUN_NOT_HELD' });
    expect(await world.sync()).toMatchObject({ status: 'held', held: { deactivate: 20 } });
  });
});

describe('an approval', () => {
  it('survives a crash before its run has begun: the next start carries it out, once', async () => {
    const world = at('crash');
    const { id, hash } = await held(world, 20);
    // The process dies between storing the approval and queueing its run.
    const { approveRun } = await import('../../src/actions/decisions.ts');
    const engine = house.engine();
    const died = approveRun(
      { deps: engine.deps, request: () => Promise.reject(new Error('killed')) },
      { customer: world.customer, run: id, hash, actor: 'command', via: 'test' },
    );
    await expect(died).rejects.toThrow('killed');
    const [waiting] = await house.store.runs.open('crash');
    expect(waiting).toMatchObject({ trigger: 'approval', status: 'waiting' });
    // What the engine does with every open run when it starts.
    const job = await engine.request({
      customer: 'crash',
      platform: 'academy',
      trigger: 'approval',
      actor: 'command',
      approval: waiting?.approval ?? '',
      run: waiting?.id ?? '',
    });
    const result = await engine.result(job, { signal: AbortSignal.timeout(20_000) });
    expect(result).toMatchObject({
      run: { id: waiting?.id, status: 'applied', applied: { deactivate: 20 } },
    });
    expect(await world.run('approve', id, '--hash', hash)).toMatchObject({ code: 'RUN_NOT_HELD' });
  });

  it('is given back when its run cannot read a side', async () => {
    const world = at('failing');
    const { id, hash } = await held(world, 20);
    const heal = world.sandbox.fail({
      kind: 'read',
      times: Number.POSITIVE_INFINITY,
      effect: { do: 'answer', response: { status: 401, json: {} } },
    });
    const failed = await world.json<{ runs: RunReport[] }>('approve', id, '--hash', hash);
    expect(failed).toMatchObject({ exit: 1, runs: [{ status: 'failed', applied: { deactivate: 0 } }] });
    heal();
    expect((await world.json<Shown>('show', id)).hold).toBe('open');
    const again = await world.json<{ runs: RunReport[] }>('approve', id, '--hash', hash);
    expect(again.runs).toMatchObject([{ status: 'applied', applied: { deactivate: 20 } }]);
  });

  it('is refused while the platform is paused', async () => {
    const world = at('paused');
    const { id, hash } = await held(world, 20);
    await house.store.platforms.pause(
      'paused',
      'academy',
      { untilMs: null, reason: null, by: 'test' },
      house.now(),
    );
    expect(await world.run('approve', id, '--hash', hash)).toMatchObject({ exit: 1, code: 'RUN_ABORTED' });
    await house.store.platforms.resume('paused', 'academy');
    for (const user of world.state.users.slice(0, 2)) world.state.unprocessable.add(user.remoteId ?? '');
    const approved = await world.json<{ runs: RunReport[] }>('approve', id, '--hash', hash);
    expect(approved).toMatchObject({ exit: 4, runs: [{ status: 'partial', failed: { deactivate: 2 } }] });

    // What failed, and all of it.
    const failed = await world.json<Shown>('show', 'last', '--failed');
    expect(failed.changes.map((change) => [change.person, change.outcome])).toEqual([
      ['1001', 'failed'],
      ['1002', 'failed'],
    ]);
    expect((await world.run('show', 'last', '--failed')).out).toContain('NOT_PROCESSED');
    const all = await world.json<Shown>('show', 'last', '--changes');
    expect(all.changes).toHaveLength(20);
    expect(all.changes.at(-1)).toMatchObject({ outcome: 'done', approved: true });
  });
});
