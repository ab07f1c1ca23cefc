import type { RunReport } from '../actions/run-report.ts';
import { changeKinds, countsInWords } from '../change.ts';
import type { ExitStatus } from './context.ts';
import { shown } from '../shown.ts';

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
