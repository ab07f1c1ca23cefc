import type { AccountRef, Membership } from '../../account.ts';
import { normaliseEmail, normaliseId } from '../../normalise.ts';
import type { CallContext, ItemOutcome, MemberItem, ResolvedTarget, ResultRow } from '../contract.ts';
import type { OutthinkClient } from './api.ts';
import { readList } from './list.ts';
import { outcomesOf, sameText, valueIn } from './outcomes.ts';
import type { CampaignUser } from './schema.ts';
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
  return readList(
    `${platform}: users of campaign ${campaignId}`,
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
  const answer = wanted.length === 0 ? undefined : await client.change(operation, target, wanted, ctx);
  const outcomes = answer === undefined ? new Map() : outcomesOf(answer, wanted, identifier, operation);
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
