import type { UnusableFile } from '../../config/unusable-file.ts';
import type { AlertKind } from '../kinds.ts';
import type { Condition } from '../state.ts';
import { commandSuffix } from './words.ts';

/** Kinds that an evaluation of the files covers. */
export const fileKinds = ['CUSTOMER_LEFT_OUT', 'CONFIG_NOT_TAKEN'] as const satisfies readonly AlertKind[];

/**
 * Files that cannot be used, one state each. `hears`: of all of them, or of the listener's own alone: whose customers there are
 * is nobody else's business. Pure.
 */
export function fileConditions(
  listener: string,
  hears: 'own' | 'all' | 'none',
  files: readonly UnusableFile[],
): readonly Condition[] {
  return files
    .filter(({ customer }) => hears === 'all' || (hears === 'own' && customer === listener))
    .map(({ file, customer, keeps, code, place, problems, sinceMs }): Condition => {
      const where = place?.line === undefined ? '' : `, the first in line ${place.line}`;
      const key = place?.key === undefined ? '' : ` (${place.key})`;
      const since = new Date(sinceMs).toISOString().slice(0, 16).replace('T', ' ');
      const wrong = `${code}, ${problems} ${problems === 1 ? 'problem' : 'problems'}${where}${key}`;
      return {
        kind: keeps ? 'CONFIG_NOT_TAKEN' : 'CUSTOMER_LEFT_OUT',
        customer: listener,
        platform: null,
        subject: file,
        summary: `${file} of ${customer} cannot be used since ${since} UTC: ${wrong}.`,
        notDone: keeps
          ? 'What was changed in it does not count: its last good configuration goes on, until the service is started anew.'
          : 'Nothing is done for this customer: no run, no alert of its own.',
        nextStep: `rollcall check${commandSuffix(file)}; then rollcall reload`,
        details: {},
        fingerprint: wrong,
      };
    });
}
