/** How loud an alert is. Channels can be limited to some of them. */
export type Severity = 'critical' | 'warning' | 'info';

/**
 * Every alert state: how loud it is, and its title. The code is the anchor of its section in `docs/runbook.md`; a test
 * holds the two together. Codes never change meaning: routes and other people's rules name them.
 *
 * critical: the unattended work has stopped. warning: it goes on, but a part of it waits for a person.
 * info: worth knowing by day.
 */
export const alertKinds = {
  RUN_FAILED: { severity: 'critical', title: 'A run failed' },
  RUN_HELD: { severity: 'warning', title: 'Changes are held for a decision' },
  REMOVALS_WITHHELD: { severity: 'warning', title: 'Removals are withheld: a side was not complete' },
  PLATFORM_STALE: { severity: 'critical', title: 'No good run for too long' },
  ROSTER_LATE: { severity: 'warning', title: 'The roster is late' },
  ROSTER_UNCHANGED: { severity: 'warning', title: 'The roster is the same file as last time' },
  ROSTER_UNREADABLE: { severity: 'critical', title: 'The roster cannot be read' },
  ROSTER_UNREACHABLE: { severity: 'critical', title: 'The roster could not be fetched' },
  ROSTER_PART_AWAY: { severity: 'warning', title: 'A part of the roster did not come' },
  ROSTER_KEY_ENDS: { severity: 'warning', title: 'A key of the roster is near its end' },
  ITEMS_FAILING: { severity: 'warning', title: 'Some changes keep failing' },
  PEOPLE_REJECTED: { severity: 'warning', title: 'Rows are rejected, export after export' },
  PEOPLE_IN_REVIEW: { severity: 'info', title: 'People wait for review' },
  REJECTION_STANDS: { severity: 'info', title: 'Rejected changes are not proposed' },
  CHANGES_UNDONE: { severity: 'warning', title: 'Someone else undoes our changes' },
  SIGN_IN_REFUSED: { severity: 'critical', title: 'The platform refuses our sign-in' },
  QUEUE_UNREACHABLE: { severity: 'critical', title: 'The queue is out of reach' },
  STORE_UNREACHABLE: { severity: 'critical', title: 'The database is out of reach' },
  PAUSE_OUTLIVED: { severity: 'warning', title: 'A pause has outlived its end' },
  LAUNCH_UNKNOWN: { severity: 'warning', title: 'A training was sent, and the outcome is unknown' },
  CLOCK_WRONG: { severity: 'warning', title: 'Stored times lie in the future: a clock is or was wrong' },
  CUSTOMER_LEFT_OUT: { severity: 'critical', title: "A customer's file cannot be used" },
  CONFIG_NOT_TAKEN: { severity: 'warning', title: 'A changed configuration is not taken up' },
  SCHEDULE_STALLED: { severity: 'critical', title: 'The schedule stands still' },
  PACER_STALLED: { severity: 'critical', title: 'Requests get no slot' },
  DISK_NEARLY_FULL: { severity: 'warning', title: 'The disk is nearly full' },
  MEMORY_NEARLY_FULL: { severity: 'warning', title: 'Memory is running short' },
  CERTIFICATE_ENDS: { severity: 'warning', title: 'A certificate is near its end' },
  LOG_LOST: { severity: 'warning', title: 'The log cannot be written' },
  REDIS_EVICTION: { severity: 'warning', title: 'Redis may throw queued jobs away' },
} as const satisfies Record<string, { severity: Severity; title: string }>;

export type AlertKind = keyof typeof alertKinds;
