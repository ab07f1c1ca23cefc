import type { AccountRef, Membership } from '../../account.ts';
import { normaliseEmail, normaliseId } from '../../normalise.ts';
import type { CallContext, ItemOutcome, MemberItem, ResolvedTarget, ResultRow } from '../contract.ts';
import { safeCode } from '../error.ts';
import { readToEnd } from '../pages.ts';
import { largestTake, type OutthinkClient } from './api.ts';
import type { CampaignUser, ChangeAnswer } from './schema.ts';
import type { Identifier } from './settings.ts';

/** A change of several users of one campaign. `repeated`: an earlier attempt may have been applied. */
export type MemberWrite = {
  readonly operation: 'enroll' | 'unenroll';
  readonly target: string;
  readonly members: readonly MemberItem[];
  readonly repeated: boolean;
};

function emptyAsNull(text: string): string | null {
  return text === '' ? null : text;
}

function refOf({ userId, userSourceIdentifier, userEmail }: CampaignUser): AccountRef {
  return {
    id: userId ?? null,
    externalId: emptyAsNull(normaliseId(userSourceIdentifier ?? '')),
    email: emptyAsNull(normaliseEmail(userEmail ?? '')),
  };
}

/** The values of `trainingStatus` are not published: whatever starts with "complete" is completed. */
function isCompleted({ trainingStatus }: CampaignUser): boolean {
  return /^\s*complete/i.test(trainingStatus ?? '');
}

function readUsers(
  client: OutthinkClient,
  platform: string,
  campaignId: string,
  ctx: CallContext,
): AsyncGenerator<readonly CampaignUser[], void, undefined> {
  return readToEnd(
    `${platform}: users of campaign ${campaignId}`,
    largestTake,
    (window, inner) => client.users(campaignId, window, inner),
    ({ userId, userSourceIdentifier, userEmail }) =>
      JSON.stringify([userId, userSourceIdentifier, userEmail]),
    ctx,
  );
}

/** Everybody in a campaign. */
export async function* readMembers(
  client: OutthinkClient,
  platform: string,
  campaignId: string,
  ctx: CallContext,
): AsyncGenerator<readonly Membership[], void, undefined> {
  for await (const page of readUsers(client, platform, campaignId, ctx)) {
    yield page.map((user) => ({ ...refOf(user), completed: isCompleted(user) }));
  }
}

/** How everybody stands in each campaign; the API has no scores and no dates. */
export async function* readResults(
  client: OutthinkClient,
  platform: string,
  targets: readonly ResolvedTarget[],
  ctx: CallContext,
): AsyncGenerator<readonly ResultRow[], void, undefined> {
  for (const target of targets) {
    for await (const page of readUsers(client, platform, target.id, ctx)) {
      yield page.map((user) => ({
        ref: refOf(user),
        id: null,
        target: target.id,
        targetName: target.name,
        status: isCompleted(user) ? 'completed' : 'open',
        score: null,
        at: null,
        rawStatus: user.trainingStatus ?? '',
      }));
    }
  }
}

/** What a campaign knows a person by; null when that is not known. */
function identifierOf({ person, ref }: MemberItem, identifier: Identifier): string | null {
  switch (identifier) {
    case 'userId':
      return ref.id;
    case 'userSourceIdentifier':
      return ref.externalId ?? person;
    case 'userEmail':
      return ref.email;
  }
}

const sameText = (value: string, identifier: Identifier): string =>
  identifier === 'userEmail' ? normaliseEmail(value) : normaliseId(value);

/** The identifier in an entry of `success` or `failed`: the value, the user, or something around the user. */
function valueIn(entry: unknown, identifier: Identifier): string | undefined {
  if (typeof entry === 'string' || typeof entry === 'number') return sameText(String(entry), identifier);
  if (typeof entry !== 'object' || entry === null) return undefined;
  const own = (entry as Record<string, unknown>)[identifier];
  if (typeof own === 'string' || typeof own === 'number') return sameText(String(own), identifier);
  return 'user' in entry ? valueIn(entry.user, identifier) : undefined;
}

/** A refusal that says that the user already is as wanted. */
const asWanted = {
  enroll: /already|duplicate[_ ]?enrol/i,
  unenroll: /not[_ ]?(?:currently[_ ]?)?(?:in|enrolled|assigned|an?[_ ]?(?:member|participant))\b/i,
};

function outcomeOfFailure(entry: unknown, operation: 'enroll' | 'unenroll'): ItemOutcome {
  const { code, error } = (typeof entry === 'object' ? entry : {}) as { code?: unknown; error?: unknown };
  // The text is looked at and never passed on: it may hold names.
  const said = [code, error].filter((part) => typeof part === 'string').join(' ');
  if (asWanted[operation].test(said)) {
    return { ok: true, note: operation === 'enroll' ? 'was enrolled already' : 'was not enrolled' };
  }
  const known = safeCode(code) ?? safeCode(error) ?? 'REFUSED';
  return { ok: false, code: known, message: 'the platform refused the user' };
}

/** Outcomes by value. Without any list the whole request succeeded; a value in neither list has none. */
function outcomesOf(
  answer: ChangeAnswer,
  values: readonly string[],
  identifier: Identifier,
  operation: 'enroll' | 'unenroll',
): ReadonlyMap<string, ItemOutcome> {
  const outcomes = new Map<string, ItemOutcome>();
  if (!answer.success) for (const value of values) outcomes.set(sameText(value, identifier), { ok: true });
  for (const entry of answer.success ?? []) {
    const value = valueIn(entry, identifier);
    if (value !== undefined) outcomes.set(value, { ok: true });
  }
  for (const entry of answer.failed ?? []) {
    const value = valueIn(entry, identifier);
    if (value !== undefined) outcomes.set(value, outcomeOfFailure(entry, operation));
  }
  return outcomes;
}

/** Those of the values that are in the campaign now; reading stops when all were found. */
async function enrolledNow(
  client: OutthinkClient,
  platform: string,
  campaignId: string,
  values: ReadonlySet<string>,
  identifier: Identifier,
  ctx: CallContext,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for await (const page of readUsers(client, platform, campaignId, ctx)) {
    for (const user of page) {
      const value = valueIn(user, identifier);
      if (value !== undefined && values.has(value)) found.add(value);
    }
    if (found.size === values.size) break;
  }
  return found;
}

/**
 * Adds users to a campaign, or removes them, with one request. After an unknown outcome the campaign is read first and
 * only the rest is sent: enrolling again might invite again.
 */
export async function writeMembers(
  client: OutthinkClient,
  platform: string,
  identifier: Identifier,
  { operation, target, members, repeated }: MemberWrite,
  ctx: CallContext,
): Promise<readonly ItemOutcome[]> {
  const values = members.map((item) => identifierOf(item, identifier));
  const all = new Set(values.flatMap((value) => (value === null ? [] : [sameText(value, identifier)])));
  const enrolled = repeated ? await enrolledNow(client, platform, target, all, identifier, ctx) : undefined;
  const isWanted = (value: string): boolean =>
    enrolled === undefined || enrolled.has(sameText(value, identifier)) !== (operation === 'enroll');
  const known = values.filter((value) => value !== null);
  const wanted = [...new Map(known.map((value) => [sameText(value, identifier), value])).values()].filter(
    isWanted,
  );
  const answer = wanted.length === 0 ? {} : await client.change(operation, target, wanted, ctx);
  const outcomes = outcomesOf(answer, wanted, identifier, operation);
  return values.map((value): ItemOutcome => {
    if (value === null) {
      return { ok: false, code: 'NO_IDENTIFIER', message: `the person has no ${identifier}` };
    }
    if (!isWanted(value)) return { ok: true, note: 'done by an earlier attempt' };
    const missing = {
      ok: false,
      code: 'NO_OUTCOME',
      message: 'the answer does not mention the user',
    } as const;
    return outcomes.get(sameText(value, identifier)) ?? missing;
  });
}
