import { previewReport, reportOf } from '../actions/run-report.ts';
import { lastGoodOf, pauseOf } from '../actions/status.ts';
import type { Customer } from '../jobs/customer.ts';
import type { Preview } from '../jobs/run/preview.ts';
import type { StoredChange } from '../store/journal.ts';
import { askedToWait } from '../jobs/pace/asked.ts';
import type { Run } from '../store/run-lookups.ts';
import type { ChangeAnswer, PlatformState, RunAnswer } from './schemas.ts';
import type { ControlWorld } from './world.ts';
import { toldReasons } from '../jobs/reasons.ts';

const isoOf = (ms: number | null | undefined): string | null =>
  ms == null ? null : new Date(ms).toISOString();

/** A stored run as the API answers it: counts, codes and ids; no people but the employee id it was asked for. */
export function runAnswerOf(run: Run): RunAnswer {
  return {
    ...reportOf(run),
    customer: run.customer,
    reasons: toldReasons(run.reasons),
    notes: toldReasons(run.notes),
    trigger: run.trigger,
    actor: run.actor,
    person: run.person,
    approval: run.approval,
    decided: run.decided,
    holdExpires: isoOf(run.hold_expires_ms),
    created: isoOf(run.created_ms),
    started: isoOf(run.started_ms),
    ended: isoOf(run.ended_ms),
  };
}

/** A plan that was only looked at, in the form of a run; its id is null. */
export function previewAnswerOf(customer: string, platform: string, preview: Preview): RunAnswer {
  const report = previewReport(platform, preview);
  return {
    ...report,
    customer,
    reasons: [...report.reasons],
    notes: toldReasons(preview.decision.notes),
    trigger: null,
    actor: null,
    person: null,
    approval: null,
    decided: null,
    holdExpires: null,
    created: null,
    started: null,
    ended: null,
  };
}

/** A line of the journal, without its values: those hold names and emails. */
export function changeAnswerOf(change: StoredChange): ChangeAnswer {
  return {
    seq: change.seq,
    kind: change.kind,
    person: change.person,
    target: change.target,
    fields: change.changed,
    disposition: change.disposition,
    approved: change.approved,
    outcome: change.outcome,
    code: change.outcome_code,
    done: isoOf(change.done_ms),
  };
}

/** The platforms of one customer: how each is doing, what is held, when it runs next. */
export async function platformStates(
  world: ControlWorld,
  customer: Customer,
): Promise<readonly PlatformState[]> {
  const { store } = world;
  const names = [...customer.platforms.keys()];
  const nowMs = world.now();
  const [rows, held, last, asked, managed] = await Promise.all([
    store.platforms.all(customer.name),
    store.runs.held(customer.name),
    store.runs.newest(customer.name),
    askedToWait(store.pacers, customer.platforms.values(), nowMs),
    Promise.all(names.map((name) => store.links.count(customer.name, name))),
  ]);
  return [...customer.platforms.values()].map(({ name, config }, at): PlatformState => {
    const row = rows.find(({ platform }) => platform === name);
    const newest = last.find(({ platform }) => platform === name);
    return {
      customer: customer.name,
      platform: name,
      provider: config.provider,
      mode: config.mode,
      schedule: config.schedule ?? null,
      nextRun: isoOf(world.nextRunMs(customer.name, name)),
      lastGood: lastGoodOf(row),
      lastRun:
        newest === undefined
          ? null
          : { run: newest.id, status: newest.status, at: new Date(newest.created_ms).toISOString() },
      held: held
        .filter(({ platform }) => platform === name)
        .map((run) => ({
          run: run.id,
          hash: run.hash,
          held: run.held,
          expires: isoOf(run.hold_expires_ms),
          expired: (run.hold_expires_ms ?? 0) <= nowMs,
        })),
      paused: pauseOf(row),
      askedToWaitUntil: isoOf(asked.get(name)),
      managed: managed[at] ?? 0,
    };
  });
}
