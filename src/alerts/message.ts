import { type AlertKind, alertKinds, type Severity } from './kinds.ts';
import type { EndedAlert, OpenAlert, Transition } from './state.ts';
import { formatSpan, formatTime, oneLine, truncate, withoutAddresses } from './text.ts';

/** Why a message is sent. `test` is `rollcall alerts test`. */
export type AlertEvent = 'begin' | 'news' | 'reminder' | 'end' | 'test';

/**
 * One message to on-call, before a channel gives it its vendor's form. Plain data: it survives JSON, so that an outbox
 * can keep it. Every text is one line without email addresses. Times in ms since 1970.
 */
export type AlertMessage = {
  /** Identifies this message: the same one sent again has the same id. */
  readonly id: string;
  readonly event: AlertEvent;
  /** Deduplication key: the same from a state's beginning to its end. */
  readonly key: string;
  readonly kind: AlertKind | 'TEST';
  readonly severity: Severity;
  readonly title: string;
  readonly summary: string;
  readonly customer: string;
  readonly platform: string | null;
  readonly runId: string | null;
  readonly sinceMs: number;
  readonly atMs: number;
  readonly notDone: string | null;
  /** The exact command; null when there is nothing to do. */
  readonly nextStep: string | null;
  /** The page that shows it and decides; null or left out where nobody said under which address browsers reach it. */
  readonly page?: string | null;
  /** Where the runbook explains it. */
  readonly runbook: string;
  readonly details: Readonly<Record<string, string | number>>;
};

export type MessageOptions = {
  /** Address or path of the runbook, without the anchor. Default `docs/runbook.md`. */
  readonly runbook?: string;
  /** The address under which browsers reach the pages (`control.publicUrl`). */
  readonly publicUrl?: string | undefined;
};

const defaultRunbook = 'docs/runbook.md';
/** New items named in a message; the rest is counted. */
const namedItems = 10;
const longestSummary = 600;
const longestText = 400;
const longestDetail = 120;
const mostDetails = 12;

const clean = (text: string, max = longestText): string => truncate(withoutAddresses(oneLine(text)), max);

function cleanDetails(details: Readonly<Record<string, string | number>>): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(details)
      .slice(0, mostDetails)
      .map(([name, value]) => [
        clean(name, longestDetail),
        typeof value === 'number' ? value : clean(value, longestDetail),
      ]),
  );
}

function runbookLink(kind: AlertKind | 'TEST', options: MessageOptions): string {
  return `${options.runbook ?? defaultRunbook}#${kind}`;
}

/** Kinds that are settled on a page of their own; what has a run is settled on the run's, everything else on the first. */
const pageOf: Partial<Readonly<Record<AlertKind, string>>> = {
  PEOPLE_IN_REVIEW: '/review',
  LAUNCH_UNKNOWN: '/review#launches',
};

function pageLink(alert: OpenAlert, { publicUrl }: MessageOptions): string | null {
  if (publicUrl === undefined) return null;
  const run = alert.runId === undefined ? '/' : `/runs/${encodeURIComponent(alert.runId)}`;
  return `${publicUrl.replace(/\/+$/, '')}${pageOf[alert.kind] ?? run}`;
}

function nameItems(items: readonly string[]): string {
  const named = items.slice(0, namedItems).map((item) => clean(item, 40));
  const more = items.length - named.length;
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ');
}

function build(
  event: Exclude<AlertEvent, 'test'>,
  alert: OpenAlert,
  atMs: number,
  options: MessageOptions,
): AlertMessage {
  const { severity, title } = alertKinds[alert.kind];
  return {
    id: `${alert.key}.${event}.${atMs}`,
    event,
    key: alert.key,
    kind: alert.kind,
    severity,
    title,
    summary: clean(alert.summary, longestSummary),
    customer: clean(alert.customer, longestDetail),
    platform: alert.platform === null ? null : clean(alert.platform, longestDetail),
    runId: alert.runId === undefined ? null : clean(alert.runId, longestDetail),
    sinceMs: alert.beganAtMs,
    atMs,
    notDone: alert.notDone === null ? null : clean(alert.notDone),
    nextStep: clean(alert.nextStep),
    page: pageLink(alert, options),
    runbook: runbookLink(alert.kind, options),
    details: cleanDetails(alert.details),
  };
}

function ending(alert: EndedAlert, options: MessageOptions): AlertMessage {
  return { ...build('end', alert, alert.endedAtMs, options), notDone: null, nextStep: null, details: {} };
}

/**
 * The messages of a transition: endings first, then beginnings, news and reminders. Pure. Nothing in them but texts of
 * the conditions, cut to a length that every vendor takes.
 */
export function messagesOf(transition: Transition, options: MessageOptions = {}): AlertMessage[] {
  return [
    ...transition.end.map((alert) => ending(alert, options)),
    ...transition.begin.map((alert) => build('begin', alert, alert.beganAtMs, options)),
    ...transition.news.map(({ newItems, ...alert }) => {
      const message = build('news', alert, alert.lastSentAtMs, options);
      if (newItems.length === 0) return message;
      return { ...message, details: { new: nameItems(newItems), ...message.details } };
    }),
    ...transition.remind.map((alert) => build('reminder', alert, alert.lastSentAtMs, options)),
  ];
}

/** The message of `rollcall alerts test`. Each has a key of its own, so that every test rings. */
export function testMessage(customer: string, nowMs: number, options: MessageOptions = {}): AlertMessage {
  const key = `rollcall.test.${nowMs}`;
  return {
    id: `${key}.test`,
    event: 'test',
    key,
    kind: 'TEST',
    severity: 'info',
    title: 'This is a test',
    summary: 'Rollcall can reach on-call here. Nothing is wrong; close this alert by hand.',
    customer: clean(customer, longestDetail),
    platform: null,
    runId: null,
    sinceMs: nowMs,
    atMs: nowMs,
    notDone: null,
    nextStep: null,
    runbook: runbookLink('TEST', options),
    details: {},
  };
}

const eventWords = {
  begin: '',
  news: 'More: ',
  reminder: 'Still: ',
  end: 'Over: ',
  test: 'Test: ',
} as const satisfies Record<AlertEvent, string>;

/** `acme/academy`, or `acme` when the whole customer is concerned. */
export function whereOf(message: AlertMessage): string {
  return message.platform === null ? message.customer : `${message.customer}/${message.platform}`;
}

/** The message in one line, for subjects and headings: `[critical] acme/academy: Still: A run failed`. */
export function headline(message: AlertMessage): string {
  return `[${message.severity}] ${whereOf(message)}: ${eventWords[message.event]}${message.title}`;
}

/** The message as labelled facts, in the order in which on-call needs them. The summary is not among them. */
export function factsOf(message: AlertMessage): (readonly [label: string, value: string])[] {
  const lasted = formatSpan(message.atMs - message.sinceMs);
  const since =
    message.event === 'end'
      ? `${formatTime(message.sinceMs)}, over at ${formatTime(message.atMs)} (lasted ${lasted})`
      : message.event === 'begin' || message.event === 'test'
        ? formatTime(message.sinceMs)
        : `${formatTime(message.sinceMs)} (${lasted})`;
  const facts: [string, string | null][] = [
    ['Since', since],
    ['Not done', message.notDone],
    ['Next step', message.nextStep],
    ['Page', message.page ?? null],
    ['Customer', message.customer],
    ['Platform', message.platform],
    ['Run', message.runId],
    ...Object.entries(message.details).map(([name, value]): [string, string] => [name, String(value)]),
    ['Code', message.kind],
    ['Runbook', message.runbook],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null && fact[1] !== '');
}

/** The message as plain text, headline excluded. */
export function plainText(message: AlertMessage): string {
  const lines = factsOf(message).map(([label, value]) => `${label}: ${value}`);
  return [message.summary, '', ...lines, ''].join('\n');
}
