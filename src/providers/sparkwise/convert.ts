import type { Account } from '../../account.ts';
import { normaliseEmail, normaliseId, normaliseText } from '../../normalise.ts';
import type { AccountItem, ItemOutcome, ResultRow, TargetListing } from '../contract.ts';
import type { BatchAnswer, WireCluster, WireCompletion, WireUser } from './schema.ts';

/** A user of the list as an account. A user without remoteId was made by hand there: it has no external id. */
export function toAccount(user: WireUser): Account {
  return {
    id: user.id,
    externalId: normaliseId(user.remoteId ?? '') || null,
    email: normaliseEmail(user.email ?? '') || null,
    active: user.active,
    fields: {
      firstName: normaliseText(user.firstName ?? ''),
      lastName: normaliseText(user.lastName ?? ''),
    },
  };
}

/** The remoteId an item is written under: a new person's employee id, else what the account has. */
export function remoteIdOf(item: AccountItem): string | null {
  return item.ref.externalId ?? (item.kind === 'create' ? item.person : null);
}

/** Why an item is not sent at all; null when it can be. One bad item would have the whole batch refused. */
export function unsendable(item: AccountItem, remoteId: string | null): ItemOutcome | null {
  if (remoteId === null) return notAddressable;
  const lacksName = (item.fields['firstName'] ?? '') === '' || (item.fields['lastName'] ?? '') === '';
  return item.kind !== 'deactivate' && lacksName ? nameMissing : null;
}

/** One user of an upsert. Every item carries all fields: the platform has no partial update. */
export function toUpsert(item: AccountItem, remoteId: string, sendEmail: boolean): Record<string, unknown> {
  const { firstName = '', lastName = '', email = '' } = item.fields;
  const user = { firstName, lastName, active: true, remoteId };
  return sendEmail && email !== '' ? { ...user, email } : user;
}

/** What became of an item that cannot be addressed: the platform takes only remoteIds. */
const notAddressable: ItemOutcome = {
  ok: false,
  code: 'NO_REMOTE_ID',
  message: 'The account has no remoteId on the platform, which is what a batch addresses; set it there.',
};

const nameMissing: ItemOutcome = {
  ok: false,
  code: 'NAME_MISSING',
  message: 'The platform takes no user without a first and a last name.',
};

/** What became of an item that the answer does not mention. */
export const noOutcome: ItemOutcome = {
  ok: false,
  code: 'NO_OUTCOME',
  message: 'The platform said neither that the user was processed nor that it failed.',
};

const notProcessed: ItemOutcome = {
  ok: false,
  code: 'NOT_PROCESSED',
  message: 'The platform could not process this user (outside its trusted domains, for one).',
};

const stillInactive = {
  create: {
    ok: false,
    code: 'NOT_ACTIVE',
    message: 'The platform took the user, and shows it as inactive.',
  },
  update: {
    ok: false,
    code: 'NOT_ACTIVE',
    message: 'The platform took the update, and shows the user as inactive.',
  },
  reactivate: {
    ok: false,
    code: 'NOT_REACTIVATED',
    message: 'The platform took the user with active: true, and still shows it as inactive.',
  },
} as const satisfies Record<Exclude<AccountItem['kind'], 'deactivate'>, ItemOutcome>;

const stillActive: ItemOutcome = {
  ok: false,
  code: 'NOT_DEACTIVATED',
  message: 'The platform took the deactivation, and still shows the user as active.',
};

/**
 * The outcome of each item of a batch, from the lists of the answer. A user in `failed` failed, even if it stands in
 * `success` too. A deactivation may be answered without lists: then all went through.
 */
export function toOutcomes(
  items: readonly { readonly item: AccountItem; readonly remoteId: string }[],
  answer: BatchAnswer,
): readonly ItemOutcome[] {
  const lists = answer.data ?? {};
  const withoutLists = (lists.success ?? null) === null && (lists.failed ?? null) === null;
  const done = new Map((lists.success ?? []).map((user) => [user.remoteId ?? '', user]));
  const failed = new Set((lists.failed ?? []).map(({ user }) => user?.remoteId ?? ''));
  return items.map(({ item, remoteId }): ItemOutcome => {
    if (failed.has(remoteId)) return notProcessed;
    const user = done.get(remoteId);
    if (item.kind === 'deactivate') {
      if (user === undefined && !withoutLists) return noOutcome;
      if (user?.active === true) return stillActive;
    } else {
      if (user === undefined) return noOutcome;
      if (user.active !== true) return stillInactive[item.kind];
    }
    return { ok: true, account: { id: user?.id ?? item.ref.id, externalId: remoteId } };
  });
}

/** A session cluster as something people can look at: nobody can be enrolled in it. */
export function toListing(cluster: WireCluster): TargetListing {
  const category = normaliseText(cluster.moduleCategory ?? '');
  const minutes = cluster.duration ?? null;
  return {
    kind: 'session cluster',
    id: cluster.clusterId,
    name: normaliseText(cluster.moduleName ?? ''),
    details: {
      ...(category === '' ? {} : { category }),
      ...(minutes === null ? {} : { minutes: String(minutes) }),
      selfRegistration: (cluster.iframeCode ?? '') === '' ? 'off' : 'on',
    },
  };
}

/** One completion as a result; null for a guest, who has no remoteId to join by. */
export function toResult(completion: WireCompletion, completed: boolean): ResultRow | null {
  const externalId = normaliseId(completion.remoteUserId ?? '');
  if (externalId === '') return null;
  const attended = completion.attended ?? false;
  return {
    ref: { id: null, externalId, email: null },
    id: completion.id,
    target: completion.clusterId,
    targetName: normaliseText(completion.moduleName ?? ''),
    status: completed ? 'completed' : 'open',
    score: null,
    at: toIso(completion.participantLastVisitedAt) ?? toIso(completion.sessionScheduledStartAt),
    rawStatus: attended
      ? `attended, ${completion.percentageStepsVisited ?? 0} % of the steps visited`
      : 'not attended',
  };
}

function toIso(text: string | null | undefined): string | null {
  const timeMs = Date.parse(text ?? '');
  return Number.isNaN(timeMs) ? null : new Date(timeMs).toISOString();
}
