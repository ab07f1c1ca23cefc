import type { Condition } from '../state.ts';
import type { LaunchRow } from '../../store/results.ts';
import type { Run } from '../../store/run-lookups.ts';
import { at, plural, sentences } from './words.ts';
import type { Command, OfPlatform } from './facts.ts';

/** A training whose sending would reach more people than the limit: somebody has to release it. */
export function launchHeld(of: OfPlatform, launch: LaunchRow, run: Command, again: string): Condition {
  return {
    ...of,
    kind: 'RUN_HELD',
    subject: subjectOf(launch),
    runId: launch.run_id,
    summary: `"${launch.name}" would be sent to ${plural(launch.reach, 'person', 'people')}, which passes the limit on enroll.`,
    notDone: 'It is not sent; everything else of the run went ahead.',
    nextStep: `${run(`show ${launch.run_id}`)}; then ${run(`targets ${of.platform} --settle "${launch.name}" approve`)}; then ${again}`,
    details: { reach: launch.reach },
  };
}

/** A training that could not be started. */
export function launchFailed(of: OfPlatform, through: Run, run: Command, again: string): Condition[] {
  const reasons = through.reasons.filter(({ code }) => code === 'LAUNCH_FAILED');
  if (reasons.length === 0) return [];
  return [
    {
      ...of,
      kind: 'ITEMS_FAILING',
      subject: 'launches',
      runId: through.id,
      summary: `A training of ${of.platform} could not be started. ${sentences(reasons)}`,
      notDone: 'It was not sent to anybody; accounts and groups are up to date. The next run tries again.',
      nextStep: `${run(`show ${through.id}`)}; when its cause is settled: ${again}`,
      details: {},
    },
  ];
}

const subjectOf = (launch: LaunchRow): string => `${launch.target}\n${launch.name}\n${launch.training}`;

/** A training of which nobody knows whether it was sent. */
export function launchUnknown(of: OfPlatform, launch: LaunchRow, run: Command): Condition {
  const settle = (as: string): string => run(`targets ${of.platform} --settle "${launch.name}" ${as}`);
  return {
    ...of,
    kind: 'LAUNCH_UNKNOWN',
    subject: subjectOf(launch),
    runId: launch.run_id,
    summary: `Nobody knows whether "${launch.name}" was sent to its ${plural(launch.reach, 'member', 'members')}: the answer never came.`,
    notDone: 'It is not sent again by itself, so that nobody is invited twice.',
    nextStep: `Look it up on ${of.platform}; then ${settle('sent')} or ${settle('unsent')}`,
    details: { enrollment: launch.enrollment_id ?? 'unknown', since: at(launch.changed_ms) },
  };
}
