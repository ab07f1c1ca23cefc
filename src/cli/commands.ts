import type { CommandTable } from './context.ts';

/** All commands; each is loaded when it is asked for, so that `help` costs nothing. */
export const commands: CommandTable = {
  plan: async () => (await import('./commands/plan.ts')).plan,
  sync: async () => (await import('./commands/sync.ts')).sync,
  start: async () => (await import('./commands/start.ts')).start,
  status: async () => (await import('./commands/status.ts')).status,
  schedule: async () => (await import('./commands/schedule.ts')).schedule,
  resync: async () => (await import('./commands/resync.ts')).resync,
  pause: async () => (await import('./commands/pause.ts')).pause,
  resume: async () => (await import('./commands/resume.ts')).resume,
  cancel: async () => (await import('./commands/cancel.ts')).cancel,
  check: async () => (await import('./commands/check.ts')).check,
  results: async () => (await import('./commands/results.ts')).results,
  targets: async () => (await import('./commands/targets.ts')).targets,
  alerts: async () => (await import('./commands/alerts.ts')).alerts,
  accounts: async () => (await import('./commands/accounts.ts')).accounts,
  runs: async () => (await import('./commands/runs.ts')).runs,
  show: async () => (await import('./commands/show.ts')).show,
  explain: async () => (await import('./commands/explain.ts')).explain,
  approve: async () => (await import('./commands/approve.ts')).approve,
  reject: async () => (await import('./commands/reject.ts')).reject,
  review: async () => (await import('./commands/review.ts')).review,
  link: async () => (await import('./commands/link.ts')).link,
  unlink: async () => (await import('./commands/unlink.ts')).unlink,
  undo: async () => (await import('./commands/undo.ts')).undo,
};
