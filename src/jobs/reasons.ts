import type { Run } from '../store/run-lookups.ts';

/** The reason that a cancelled run ends with. */
export function cancelledReason(run: Pick<Run, 'decided'>): {
  readonly code: string;
  readonly message: string;
} {
  return { code: 'CANCELLED', message: `${run.decided ?? 'cancelled'}; what was not sent was skipped` };
}
