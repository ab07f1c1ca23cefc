import { type ChangeCounts, changeKinds } from '../change.ts';
import type { Run } from '../store/run-lookups.ts';
import type { RunReason } from '../store/schema.ts';
import type { ExitStatus } from './context.ts';
import { shown } from '../shown.ts';

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
  readonly changes?: readonly {
    readonly kind: string;
    readonly person: string;
    readonly target?: string;
    readonly fields?: readonly string[];
  }[];
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
    reasons: run.reasons,
    rejected: run.rejected,
    review: run.review,
    requests: { reads: run.reads, writes: run.writes },
  };
}

const exitOf: Readonly<Record<string, ExitStatus>> = {
  failed: 1,
  cancelled: 1,
  held: 3,
  withheld: 3,
  partial: 4,
};
const gravity: readonly ExitStatus[] = [1, 3, 4, 0];

/** The exit status of several runs: the gravest of them (1, then 3, then 4). */
export function exitStatusOf(statuses: readonly string[]): ExitStatus {
  const all = statuses.map((status) => exitOf[status] ?? 0);
  return gravity.find((status) => all.includes(status)) ?? 0;
}

/** Counts as words: `12 create, 3 update`; `no changes` when there are none. */
export function countsInWords(counts: ChangeCounts): string {
  const parts = changeKinds
    .filter((kind) => counts[kind] > 0)
    .map((kind) => `${counts[kind].toLocaleString('en')} ${kind}`);
  return parts.length === 0 ? 'no changes' : parts.join(', ');
}

/** A run for a person: one paragraph, what happened first. */
export function describeRun(report: RunReport): string {
  const lines = [`${report.platform}: ${report.status}${report.id === null ? '' : ` (${report.id})`}`];
  if (report.status !== 'unchanged' && report.status !== 'failed') {
    lines.push(`  planned  ${countsInWords(report.planned)}`);
    if (report.id !== null) lines.push(`  applied  ${countsInWords(report.applied)}`);
  }
  if (changeKinds.some((kind) => report.failed[kind] > 0))
    lines.push(`  failed   ${countsInWords(report.failed)}`);
  if (changeKinds.some((kind) => report.held[kind] > 0))
    lines.push(`  held     ${countsInWords(report.held)}`);
  for (const reason of report.reasons) lines.push(`  ${reason.code}: ${reason.message}`);
  if (report.rejected > 0)
    lines.push(`  ${report.rejected} people have rejected rows and were left as they are (rollcall check)`);
  if (report.review > 0) lines.push(`  ${report.review} people need a look (rollcall review)`);
  lines.push(`  ${report.requests.reads} reads, ${report.requests.writes} writes`);
  if (
    changeKinds.some((kind) => report.held[kind] > 0) &&
    report.status === 'held' &&
    report.id !== null &&
    report.hash !== null
  ) {
    lines.push(
      `  next: rollcall show ${report.id}, then rollcall approve ${report.id} --hash ${report.hash} or rollcall reject ${report.id}`,
    );
  }
  return lines.map(shown).join('\n');
}
