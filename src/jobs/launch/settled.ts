import type { WantedLaunch } from '../../providers/contract.ts';
import type { LaunchRow } from '../../store/results.ts';

/** Whether nothing is left to do for a launch, so that a run need not ask the platform about it. */
export function launchSettled(rows: readonly LaunchRow[], { name, rule, send }: WantedLaunch): boolean {
  return rows.some(
    (row) =>
      row.name === name &&
      row.rule === rule &&
      (row.state === 'sent' || row.state === 'unknown' || (row.state === 'created' && !send)),
  );
}
