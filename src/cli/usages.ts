/** The lines of `rollcall help`, apart from the commands: to show them nothing of the commands has to be loaded. */
export const usages = {
  init: {
    usage:
      'init ROSTER|URL [--platform [NAME=]PROVIDER…] [--out FILE] [--base-url URL] [--above N] [--host-key SHA256:…] [--ssh-key FILE] [--token] [--pgp-key FILE [--locked]] [--signed-by FILE] [--force] [--yes] [--json]',
    summary: 'look at a roster and write a first configuration',
  },
  schema: {
    usage: 'schema',
    summary: 'print the JSON Schema of the configuration, for editors',
  },
  plan: {
    usage: 'plan [PLATFORM…] [--changes] [--all] [--json]',
    summary: 'show what would change; changes nothing',
  },
  sync: {
    usage: 'sync [PLATFORM…] [--yes] [--json]',
    summary: 'one run now, to its end; at a terminal it shows the plan and asks',
  },
  start: {
    usage: 'start [-c FILE…]',
    summary: 'the unattended service: schedule, workers, alerts, control API; takes several files or a glob',
  },
  reload: {
    usage: "reload [-c 'customers/*.yaml'] [--json]",
    summary:
      'have the running service take up changed, new and removed files now; it looks every minute by itself',
  },
  status: {
    usage: "status [PLATFORM] [--json] | status -c 'customers/*.yaml' [--all]",
    summary: 'each platform: last good run, held, paused, next run; and the age of the roster',
  },
  schedule: {
    usage: 'schedule [PLATFORM] [--next 5] [--json]',
    summary: 'the next runs of each platform, in its time zone',
  },
  resync: {
    usage: 'resync [PLATFORM] [--person ID] [--reason TEXT] [--json]',
    summary: 'ask the running service for a run of a platform (or all), or of one person',
  },
  pause: {
    usage: 'pause [PLATFORM] [--for 4h] [--reason TEXT] [--json]',
    summary: 'stop syncing a platform (or all of the customer), for a while or until resumed',
  },
  resume: {
    usage: 'resume [PLATFORM] [--json]',
    summary: 'go on with a paused platform (or all of the customer)',
  },
  cancel: {
    usage: 'cancel RUN [--json]',
    summary: 'end a run that is under way: what was not sent is skipped',
  },
  check: {
    usage: "check [PLATFORM…] [-c 'customers/*.yaml'] [--all] [--quick] [--json]",
    summary: 'configuration, roster, credentials, targets: can it run?',
  },
  results: {
    usage: 'results [PLATFORM…] [--status open|completed] [--format csv|json] [--no-refresh]',
    summary: 'who completed what, and who did not',
  },
  targets: {
    usage: 'targets [PLATFORM…] [--json]  |  targets PLATFORM --settle NAME approve|sent|unsent',
    summary: 'what people can be enrolled in there, ready to paste into the configuration',
  },
  alerts: {
    usage: 'alerts test [--json]',
    summary: 'send one test message to each alert channel, and say what became of it',
  },
  accounts: {
    usage: 'accounts [PLATFORM…] --unmanaged [--format csv|json]',
    summary: 'accounts there that no person on the roster explains',
  },
  runs: {
    usage: "runs [PLATFORM] [-c 'customers/*.yaml'] [--limit N] [--json]",
    summary: 'the latest runs: when, why, how they ended',
  },
  show: {
    usage: 'show RUN [--changes] [--failed] [--all] [--json]',
    summary: 'what a run did, what it did not, and why; RUN may be "last"',
  },
  explain: {
    usage: 'explain PERSON [--json]',
    summary: 'why what happened to this person happened, and what comes next',
  },
  approve: {
    usage: 'approve RUN --hash HASH [--only PERSON…] [--json]',
    summary: 'release what a run holds, exactly as show printed it',
  },
  reject: {
    usage: 'reject RUN [--only PERSON…] [--until DATE] [--reason TEXT] [--json] | reject RUN --withdraw',
    summary: 'turn down what a run holds; it is not proposed again for 30 days, or until it changes',
  },
  review: {
    usage: 'review [PLATFORM] [--json]',
    summary: 'people who cannot be matched safely, and how to settle it',
  },
  link: {
    usage: 'link PERSON PLATFORM ACCOUNT [--json]',
    summary: "say that an account is this person's",
  },
  unlink: {
    usage: 'unlink PERSON PLATFORM [--json]',
    summary: "say that an account is not this person's; it becomes unmanaged",
  },
  tokens: {
    usage: 'tokens [--json] | tokens make NAME [--role operator] | tokens revoke NAME',
    summary: 'who may sign in; makes and revokes tokens without a restart, one a person',
  },
  undo: {
    usage: 'undo RUN [--apply] [--json]',
    summary: 'the way back of a run, as a plan first; what is undone stays undone until the row changes',
  },
  backup: {
    usage: 'backup FILE [--json]',
    summary: 'all state of all customers in one file; may be made while the service runs',
  },
  restore: {
    usage: 'restore FILE [--json]',
    summary: 'a backup into an empty database, embedded or PostgreSQL',
  },
} as const satisfies Readonly<Record<string, Usage>>;

export type Usage = { readonly usage: string; readonly summary: string };
