import { legalSpansMs } from '../store/times.ts';
import { createHash } from 'node:crypto';
import type { AlertKind } from './kinds.ts';

export { type AlertKind, alertKinds, type Severity } from './kinds.ts';

/**
 * A state that holds right now, as seen by whoever evaluated it. Texts and details hold no secret, name or email;
 * employee ids may appear.
 */
export type Condition = {
  readonly kind: AlertKind;
  readonly customer: string;
  /** null: the state concerns the whole customer (its roster, the queue, the database). */
  readonly platform: string | null;
  /** Tells several states of one kind and platform apart, such as the launch whose outcome is unknown. */
  readonly subject?: string;
  /** The run that showed the state, if one did. */
  readonly runId?: string;
  /** What happened, in one sentence with its numbers. */
  readonly summary: string;
  /** What was not done because of it; null when everything was done. */
  readonly notDone: string | null;
  /** The next step: an exact command. */
  readonly nextStep: string;
  readonly details: Readonly<Record<string, string | number>>;
  /** Any change of it is news and worth a message. Leave it out when numbers may change without one. */
  readonly fingerprint?: string;
  /**
   * What the state consists of, as employee ids or other impersonal references. An item that was not there since the
   * state began is news; fewer items, or one that comes back, are not.
   */
  readonly items?: readonly string[];
};

/** A state that on-call was told of and that has not ended, as the store keeps it. Plain data. */
export type OpenAlert = Condition & {
  /** What the vendors deduplicate by: stable while the state lasts, 255 characters at most. */
  readonly key: string;
  readonly beganAtMs: number;
  /** When on-call was last told: the beginning, the last news, or the last reminder. */
  readonly lastSentAtMs: number;
};

/** An open alert with news: `newItems` are those that on-call has not heard of. */
export type AlertNews = OpenAlert & { readonly newItems: readonly string[] };
export type EndedAlert = OpenAlert & { readonly endedAtMs: number };

/**
 * What one evaluation looked at: these kinds, of these platforms (null: the customer as a whole), of one customer.
 * An open alert ends only when an evaluation that covers it no longer finds its condition.
 */
export type Scope = {
  readonly customer: string;
  readonly platforms: 'all' | readonly (string | null)[];
  readonly kinds: 'all' | readonly AlertKind[];
};

export type Evaluation = { readonly conditions: readonly Condition[]; readonly scope: readonly Scope[] };

/** What an evaluation changes. Each open alert and each condition is in exactly one list. */
export type Transition = {
  readonly begin: readonly OpenAlert[];
  readonly news: readonly AlertNews[];
  readonly remind: readonly OpenAlert[];
  /** Still open, nothing to say; numbers and texts are brought up to date. */
  readonly keep: readonly OpenAlert[];
  readonly end: readonly EndedAlert[];
};

const longestToken = 63;

/** One part of a key: as it is when it is a plain word, else only a hash, for it might hold anything. */
function token(part: string): string {
  if (part.length <= longestToken && /^[A-Za-z0-9_-]+$/.test(part)) return part;
  return `~${createHash('sha256').update(part).digest('hex').slice(0, 20)}`;
}

/** The deduplication key of a condition: letters, digits and `._~-` only, 255 characters at most. */
export function alertKey(of: Pick<Condition, 'kind' | 'customer' | 'platform' | 'subject'>): string {
  const parts = ['rollcall', token(of.customer), of.platform === null ? '-' : token(of.platform), of.kind];
  if (of.subject !== undefined) parts.push(token(of.subject));
  return parts.join('.');
}

function covers(scope: Scope, alert: OpenAlert): boolean {
  return (
    scope.customer === alert.customer &&
    (scope.platforms === 'all' || scope.platforms.includes(alert.platform)) &&
    (scope.kinds === 'all' || scope.kinds.includes(alert.kind))
  );
}

/** The alert with the condition's present texts and numbers. Items add up while it is open. */
function continued(alert: OpenAlert, condition: Condition): OpenAlert {
  const { key, beganAtMs, lastSentAtMs } = alert;
  if (condition.items === undefined) return { ...condition, key, beganAtMs, lastSentAtMs };
  const items = [...new Set([...(alert.items ?? []), ...condition.items])].sort();
  return { ...condition, items, key, beganAtMs, lastSentAtMs };
}

function newItems(alert: OpenAlert, condition: Condition): readonly string[] {
  const known = new Set(alert.items);
  return [...new Set(condition.items)].filter((item) => !known.has(item)).sort();
}

/**
 * Compares the open alerts with one evaluation. Pure.
 *
 * A state is told of when it begins, when there is news (a changed fingerprint, a new item), every `remindAfterMs`
 * (0: never) and when it ends; otherwise not, whatever its numbers do. Reminders do not need the evaluation to cover
 * the alert: an empty evaluation sends those that are due.
 */
export function transition(
  open: readonly OpenAlert[],
  now: Evaluation,
  nowMs: number,
  remindAfterMs: number,
): Transition {
  const conditions = new Map<string, Condition>();
  for (const condition of now.conditions) {
    const key = alertKey(condition);
    if (!conditions.has(key)) conditions.set(key, condition);
  }
  const begin: OpenAlert[] = [];
  const news: AlertNews[] = [];
  const remind: OpenAlert[] = [];
  const keep: OpenAlert[] = [];
  const end: EndedAlert[] = [];

  const remain = (alert: OpenAlert): void => {
    // One that was sent at a time that has not come says nothing of when it is due again.
    const isCredible = alert.lastSentAtMs <= nowMs + legalSpansMs.lastSent;
    const due = remindAfterMs > 0 && (!isCredible || nowMs - alert.lastSentAtMs >= remindAfterMs);
    if (due) remind.push({ ...alert, lastSentAtMs: nowMs });
    else keep.push(alert);
  };

  const seen = new Set<string>();
  for (const alert of open) {
    if (seen.has(alert.key)) continue;
    seen.add(alert.key);
    const condition = conditions.get(alert.key);
    if (condition === undefined) {
      if (now.scope.some((scope) => covers(scope, alert))) end.push({ ...alert, endedAtMs: nowMs });
      else remain(alert);
      continue;
    }
    const current = continued(alert, condition);
    const fresh = newItems(alert, condition);
    if (fresh.length > 0 || condition.fingerprint !== alert.fingerprint)
      news.push({ ...current, lastSentAtMs: nowMs, newItems: fresh });
    else remain(current);
  }
  for (const [key, condition] of conditions) {
    if (!seen.has(key)) begin.push({ ...condition, key, beganAtMs: nowMs, lastSentAtMs: nowMs });
  }
  return { begin, news, remind, keep, end };
}

/** The alerts that are open after a transition: what the store keeps. */
export function openAfter({ begin, news, remind, keep }: Transition): OpenAlert[] {
  return [...begin, ...news.map(({ newItems: _, ...alert }) => alert), ...remind, ...keep];
}
