import { wholeOf } from '../jobs/read/roster.ts';
import { type ChangeCounts, noChanges } from '../change.ts';
import type { Change } from '../diff/change.ts';
import { failureOf } from '../jobs/failure.ts';
import { toldReasons } from '../jobs/reasons.ts';
import type { Preview } from '../jobs/run/preview.ts';
import type { UndoPlan } from '../jobs/undo/undo.ts';
import type { Run } from '../store/run-lookups.ts';
import type { RunReason } from '../store/schema.ts';

/** A change as `--json --changes` prints it (fixed): the employee id, and names of fields only. */
export type ChangeReport = {
  readonly kind: string;
  readonly person: string;
  readonly target?: string;
  readonly fields?: readonly string[];
};

/** A run or a plan as `--json` prints it (fixed). */
export type RunReport = {
  readonly id: string | null;
  readonly platform: string;
  readonly status: string;
  readonly hash: string | null;
  readonly planned: ChangeCounts;
  readonly applied: ChangeCounts;
  readonly failed: ChangeCounts;
  readonly held: ChangeCounts;
  readonly reasons: readonly RunReason[];
  readonly rejected: number;
  readonly review: number;
  readonly requests: { readonly reads: number; readonly writes: number };
  readonly changes?: readonly ChangeReport[];
};

/** A stored run as a report. */
export function reportOf(run: Run): RunReport {
  return {
    id: run.id,
    platform: run.platform,
    status: run.status,
    hash: run.hash,
    planned: run.planned,
    applied: run.applied,
    failed: run.failed,
    held: run.held,
    reasons: toldReasons(run.reasons),
    rejected: run.rejected,
    review: run.review,
    requests: { reads: run.reads, writes: run.writes },
  };
}

/** Of something that is no run: nothing was applied, and it has no id. */
const noRun = {
  id: null,
  hash: null,
  planned: noChanges(),
  applied: noChanges(),
  failed: noChanges(),
  held: noChanges(),
  rejected: 0,
  review: 0,
  requests: { reads: 0, writes: 0 },
} as const;

/** A plan that was only looked at as a report. */
export function previewReport(platform: string, preview: Preview): RunReport {
  const { decision, sides, status, requests } = preview;
  return {
    ...noRun,
    platform,
    status,
    hash: decision.hash,
    planned: decision.planned,
    held: decision.held,
    reasons: toldReasons([...decision.reasons, ...preview.launches]),
    rejected: wholeOf(sides.roster).rejected,
    review: decision.difference.reviews.length,
    requests,
  };
}

/** The way back of a run, only looked at, as a report. */
export function undoReport(platform: string, plan: UndoPlan, requests: RunReport['requests']): RunReport {
  const { status, hash, planned, held } = plan;
  const reasons = toldReasons(plan.reasons);
  return { ...noRun, platform, status, hash, planned, held, reasons, requests };
}

/** A platform that could not be planned. */
export function failedReport(platform: string, error: unknown): RunReport {
  return { ...noRun, platform, status: 'failed', reasons: [failureOf(error)] };
}

/** A planned change as a report. */
export function changeReport({
  kind,
  person,
  target,
  changed,
}: Pick<Change, 'kind' | 'person' | 'target' | 'changed'>): ChangeReport {
  return {
    kind,
    person,
    ...(target === null ? {} : { target }),
    ...(changed.length === 0 ? {} : { fields: changed }),
  };
}
