import { describe, expect, it } from 'vitest';
import { addEnrollment, type KeepnetEnrollment } from '../../../sandbox/keepnet/index.ts';
import type { RunReport } from '../../../src/actions/run-report.ts';
import { people } from '../../support/company.ts';
import { type Five, names, openFive } from '../../support/five.ts';

const timeoutMs = 180_000;
const send = /\/api\/enrollments\/[^/]+\/send$/;
const create = /\/api\/enrollments$/;

/** Twelve people, two of them in the warehouse. */
const rows = people(12);
const reached = 2;

function open(options: Partial<Parameters<typeof openFive>[0]> = {}): Promise<Five> {
  return openFive({ backend: 'embedded', rows, only: ['phishing'], ...options });
}

async function sync(five: Five): Promise<RunReport & { readonly exit: number }> {
  const { exit, runs } = await five.syncAll('phishing');
  const run = runs['phishing'];
  if (run === undefined) throw new Error('no run');
  return { ...run, exit };
}

function enrollments(five: Five): readonly KeepnetEnrollment[] {
  return five.keepnet.company.enrollments.rows();
}

function codes(run: RunReport): string[] {
  return run.reasons.map(({ code }) => code);
}

function settle(five: Five, decision: string) {
  return five.rollcall('targets', 'phishing', decision, '--settle', names.launch);
}

/** Most mails that anybody got, over all enrollments. */
function mostMails(five: Five): number {
  return Math.max(0, ...enrollments(five).flatMap(({ mails }) => [...mails.values()]));
}

/** Waits until the sandbox has seen a request; a request that hangs there is in flight then. */
async function seen(five: Five, path: RegExp): Promise<void> {
  const { phishing } = five.sandboxes;
  while (!phishing.log.some((entry) => entry.method === 'POST' && path.test(entry.path)))
    await new Promise((done) => setTimeout(done, 10));
}

/** A run in a process of its own that is killed while a request hangs. */
async function killAt(five: Five, path: RegExp, applied: boolean): Promise<void> {
  five.sandboxes.phishing.fail({ method: 'POST', path, effect: { do: 'hang', applied } });
  const child = await five.spawn('sync', '--yes');
  await seen(five, path);
  await child.kill('SIGKILL');
}

describe('starting a training at Keepnet', () => {
  it('sends it once, after the group has its members', { timeout: timeoutMs }, async () => {
    await using five = await open();
    const first = await sync(five);
    expect(first).toMatchObject({ status: 'applied', exit: 0, reasons: [] });
    const [enrollment] = enrollments(five);
    expect(enrollment).toMatchObject({ sends: 1, name: names.launch });
    expect(enrollment?.mails.size).toBe(reached);
    const writes = five.sandboxes.phishing.log.filter(({ kind }) => kind === 'write').map(({ path }) => path);
    expect(writes.slice(-3)).toEqual([
      '/api/target-groups/users',
      '/api/enrollments',
      `/api/enrollments/${enrollment?.resourceId}/send`,
    ]);
    await five.export(
      rows.map((row) => ({ ...row, status: row.id === '010006' ? 'Terminated' : row.status })),
    );
    expect(await sync(five)).toMatchObject({ status: 'applied', applied: { deactivate: 1 } });
    expect(mostMails(five)).toBe(1);

    // Never a delete, never everybody.
    expect(five.keepnet.state.violations).toEqual([]);
    for (const { method, path, body } of five.sandboxes.phishing.log) {
      expect(`${method} ${path}`).not.toMatch(/^DELETE \/api\/target-users/);
      expect(body).not.toMatch(/"selectAll"\s*:\s*true/i);
    }
  });

  it('takes one that is there already, and never sends one that was sent', {
    timeout: timeoutMs,
  }, async () => {
    await using five = await open();
    const { company, group } = five.keepnet;
    const [training] = company.trainings.rows();
    const there = addEnrollment(company, {
      name: names.launch,
      trainingId: training?.resourceId ?? '',
      targetGroupResourceIds: [group.resourceId],
    });
    there.sends = 1;
    await sync(five);
    expect(enrollments(five)).toHaveLength(1);
    expect(there.sends).toBe(1);
  });

  it('is killed while it creates, to no effect: created once', { timeout: timeoutMs }, async () => {
    await using five = await open();
    await killAt(five, create, false);
    expect(enrollments(five)).toEqual([]);
    await five.rollcall('sync', '--json');
    expect(enrollments(five)).toHaveLength(1);
    expect(enrollments(five)[0]?.sends).toBe(1);
    expect(mostMails(five)).toBe(1);
  });

  it('is killed between creating and sending: goes on with the one created', {
    timeout: timeoutMs,
  }, async () => {
    await using five = await open();
    // The answer to the create hangs on its way back: the process dies with the enrollment made and nothing sent.
    await killAt(five, create, true);
    const [made] = enrollments(five);
    expect(made?.sends).toBe(0);
    await five.rollcall('sync', '--json');
    expect(enrollments(five)).toEqual([made]);
    expect(made?.sends).toBe(1);
  });

  it('is killed while it sends: never sent again, and waits for a person', {
    timeout: timeoutMs,
  }, async () => {
    for (const applied of [true, false]) {
      await using five = await open();
      await killAt(five, send, applied);
      await five.rollcall('sync', '--json');
      const run = await sync(five);
      expect(run).toMatchObject({ status: 'partial', exit: 4 });
      expect(codes(run)).toEqual(['LAUNCH_UNKNOWN']);
      expect(run.reasons[0]?.message).toContain('--settle');
      expect(enrollments(five)[0]?.sends).toBe(applied ? 1 : 0);

      expect((await settle(five, 'approve')).exit).toBe(2);
      expect((await settle(five, applied ? 'sent' : 'unsent')).exit).toBe(0);
      expect((await sync(five)).status).toBe(applied ? 'unchanged' : 'applied');
      expect(enrollments(five)).toHaveLength(1);
      expect(mostMails(five)).toBe(1);
    }
  });

  it('gets no answer to the send: the outcome is unknown', { timeout: timeoutMs }, async () => {
    await using five = await open();
    five.sandboxes.phishing.fail({ method: 'POST', path: send, effect: { do: 'drop', applied: true } });
    const run = await sync(five);
    expect(run).toMatchObject({ status: 'partial', exit: 4 });
    expect(codes(run)).toEqual(['LAUNCH_UNKNOWN']);
    expect(codes(await sync(five))).toEqual(['LAUNCH_UNKNOWN']);
    expect(mostMails(five)).toBe(1);
  });

  it('is refused: tried again with the next run', { timeout: timeoutMs }, async () => {
    await using five = await open();
    const response = { status: 400, json: { isSuccess: false, messages: ['INPUT_ERROR'] } };
    five.sandboxes.phishing.fail({ method: 'POST', path: send, effect: { do: 'answer', response } });
    const run = await sync(five);
    expect(run).toMatchObject({ status: 'partial', exit: 4, applied: { create: 12, enroll: reached } });
    expect(codes(run)).toEqual(['LAUNCH_FAILED']);
    expect(await sync(five)).toMatchObject({ status: 'applied', reasons: [] });
    expect(mostMails(five)).toBe(1);
  });

  it('is created without send, then would reach more people than the limit on enroll: held until approved', {
    timeout: timeoutMs,
  }, async () => {
    await using five = await open({ send: false });
    expect(await sync(five)).toMatchObject({ status: 'applied', exit: 0 });
    expect(enrollments(five)).toHaveLength(1);
    expect(enrollments(five)[0]?.request).toMatchObject({ name: names.launch });
    expect(mostMails(five)).toBe(0);
    five.clearLogs();
    expect(await sync(five)).toMatchObject({ status: 'unchanged', requests: { writes: 0 } });
    // Nothing is asked about a training that is started already.
    const paths = five.sandboxes.phishing.log.map(({ path }) => path);
    expect(paths.filter((path) => /trainings|form-details/.test(path))).toEqual([]);

    const { blocks } = five;
    const [rule] = blocks.phishing['enrollments'] as readonly object[];
    const limits = { enroll: { count: 1, floor: 1 } };
    const phishing = { ...blocks.phishing, limits, enrollments: [{ ...rule, send: true }] };
    await five.configure({ config: { platforms: { phishing } } });
    const plan = await five.rollcall('plan', '--json');
    expect(plan.exit).toBe(3);
    expect(plan.out).toContain('HELD_LAUNCH');
    const held = await sync(five);
    expect(held).toMatchObject({ status: 'held', exit: 3 });
    expect(codes(held)).toEqual(['HELD_LAUNCH']);
    expect(mostMails(five)).toBe(0);
    expect((await settle(five, 'sent')).exit).toBe(2);
    expect((await settle(five, 'approve')).exit).toBe(0);
    expect(await sync(five)).toMatchObject({ status: 'applied', exit: 0 });
    expect(mostMails(five)).toBe(1);
    expect(enrollments(five)).toHaveLength(1);
    expect((await settle(five, 'approve')).exit).toBe(2);
  });

  it('enrolls newcomers by itself where the rule says so', { timeout: timeoutMs }, async () => {
    const options = { enrollmentAutoEnroll: { type: 'SameDay' } };
    await using five = await open({ rule: { options } });
    await sync(five);
    await five.export(people(13));
    const run = await sync(five);
    const { store } = await five.opened();
    const notes = (await store.runs.find(run.id ?? ''))?.notes ?? [];
    expect(notes.map(({ code }) => code)).not.toContain('NEWCOMERS_NEED_ENROLLMENT');
    expect(mostMails(five)).toBe(1);
    expect(enrollments(five)).toHaveLength(1);
  });
});
