/** How long someone has been missing: exports in a row without them, and since when. */
export type Absence = { readonly exports: number; readonly sinceMs: number };

/** When absence becomes a removal. Both have to be reached. */
export type AbsenceRule = { readonly exports: number; readonly days: number };

const dayMs = 24 * 3_600_000;

/** Whether somebody missing this long is to be removed. */
export function absenceIsDue(absence: Absence, rule: AbsenceRule, nowMs: number): boolean {
  return absence.exports >= rule.exports && nowMs - absence.sinceMs >= rule.days * dayMs;
}
