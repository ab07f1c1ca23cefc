import type { Account, AccountRef } from '../../account.ts';
import type { CallContext } from '../contract.ts';
import { ProviderError } from '../error.ts';
import { IdIndex } from '../../id-index.ts';
import { readAhead } from '../pages.ts';
import type { ListQuery, ScimClient } from './api.ts';
import { identityOf, type ScimProfile, toAccount } from './convert.ts';
import type { ListPage, ScimUser } from './schema.ts';
import type { MatchBy } from './settings.ts';

/**
 * All resources of a list, page by page, several requests at once. A service may answer fewer than asked for: a page is
 * asked for again from where it ended. `totalResults` is believed where it adds up, the same on every page and without an
 * id twice, and where nothing comes behind it. Some services give the length of the page for it: such a list is read to an
 * empty page. Throws READ_INCOMPLETE for all else.
 */
export async function* readList<T extends { readonly id: string }>(
  what: string,
  pageSize: number,
  fetch: (query: ListQuery, ctx: CallContext) => Promise<ListPage<T>>,
  ctx: CallContext,
  onTotal?: (total: number) => void,
): AsyncGenerator<readonly T[], void, undefined> {
  const incomplete = (text: string): ProviderError =>
    new ProviderError('READ_INCOMPLETE', `${what}: ${text}.`);
  const seen = new IdIndex();
  const first = await fetch({ startIndex: 1, count: pageSize }, ctx);
  const total = first.totalResults;
  const size = first.resources.length;

  async function readPage(startIndex: number, count: number, inner: CallContext): Promise<readonly T[]> {
    const found: T[] = [];
    while (found.length < count) {
      const query = { startIndex: startIndex + found.length, count: count - found.length };
      const page = await fetch(query, inner);
      if (page.totalResults !== total)
        throw incomplete(`the total changed from ${total} to ${page.totalResults} while it was read`);
      if (page.resources.length === 0) break;
      for (const resource of page.resources) found.push(resource);
    }
    return found;
  }

  function* checked(resources: readonly T[], most: number): Generator<readonly T[]> {
    for (const { id } of resources)
      if (!seen.add(id)) throw incomplete(`an id came twice, after ${seen.size} of ${total}`);
    if (seen.size > most) throw incomplete(`${seen.size} came back of ${total}`);
    if (resources.length > 0) yield resources;
  }

  if (size > 0 && size === total) {
    // One page that is all there is, or the length of the page in the place of the total.
    const behind = await fetch({ startIndex: size + 1, count: pageSize }, ctx);
    if (behind.resources.length > 0 && !(await isFirstPage(behind.resources))) {
      yield* readOn(behind);
      return;
    }
  }
  onTotal?.(total);
  yield* checked(first.resources, total);
  if (size > 0 && size < total) {
    const range = { first: 1, end: Math.ceil(total / size) };
    const pages = readAhead(ctx, range, (page, inner) =>
      readPage(1 + page * size, Math.min(size, total - page * size), inner),
    );
    for await (const page of pages) yield* checked(page, total);
    const behind = await fetch({ startIndex: total + 1, count: pageSize }, ctx);
    // Some take the last page for what lies behind it. One who is new there came while it was read.
    for (const { id } of behind.resources)
      if (seen.add(id)) throw incomplete(`more came behind the ${total} that it said there are`);
  }
  if (seen.size !== total) throw incomplete(`${seen.size} came back of ${total}`);

  /** Whether what came from behind the first page is that page again, as of a service that has no page behind it. */
  async function isFirstPage(again: readonly T[]): Promise<boolean> {
    const known = new Set(first.resources.map(({ id }) => id));
    if (!again.every(({ id }) => known.has(id))) return false;
    // No service has pages of one.
    if (size < 2) return true;
    // Paging is optional (RFC 7644, 3.4.2.4): who ignores it altogether gives all there is each time.
    const alone = (await fetch({ startIndex: 2, count: 1 }, ctx)).resources;
    if (alone.length === size) return true;
    // Who ignores startIndex alone gives the first one for the second, and nobody knows what lies behind the page.
    if (alone.length === 1 && alone[0]?.id === first.resources[1]?.id) return true;
    throw incomplete(
      `the first page, of ${size}, came again in the place of what lies behind it, so that nobody knows whether it is all`,
    );
  }

  /** All pages of a list whose total says nothing, to an empty one. */
  async function* readOn(second: ListPage<T>): AsyncGenerator<readonly T[], void, undefined> {
    const everybody = Number.POSITIVE_INFINITY;
    yield* checked(first.resources, everybody);
    let page = second;
    while (page.resources.length > 0) {
      yield* checked(page.resources, everybody);
      page = await fetch({ startIndex: seen.size + 1, count: pageSize }, ctx);
    }
  }
}

/** All users as accounts. */
export async function* readAccounts(
  client: ScimClient,
  profile: ScimProfile,
  ctx: CallContext,
  onTotal?: (total: number) => void,
): AsyncGenerator<readonly Account[], void, undefined> {
  const { pageSize } = await client.service(ctx);
  const users = readList(`${client.platform}: /Users`, pageSize, client.users, ctx, onTotal);
  let isUntold = false;
  for await (const page of users) {
    isUntold ||= page.some(({ active }) => active === undefined || active === null);
    // A later page may say it: then those of the earlier ones are nobody's guess either.
    if (isUntold && client.saysActive()) {
      const message = `${client.platform}: /Users: active is told of some users and not of others.`;
      throw new ProviderError('PLATFORM_BAD_ANSWER', message);
    }
    yield page.map((user) => toAccount(user, profile));
  }
}

/** The filter by which users are looked up; values are JSON strings (RFC 7644, 3.4.2.2). */
function filterOf(attribute: MatchBy, value: string): string {
  return `${attribute === 'email' ? 'emails.value' : attribute} eq ${JSON.stringify(value)}`;
}

/**
 * The users that carry exactly this identity. A service compares without regard to case, or ignores the filter: what
 * comes back is compared again, and READ_INCOMPLETE is thrown when it was cut short.
 */
export async function findUsers(
  client: ScimClient,
  attribute: MatchBy,
  value: string,
  ctx: CallContext,
): Promise<readonly ScimUser[]> {
  const filter = filterOf(attribute, value);
  const page = await client.users({ filter }, ctx);
  const found = page.resources.filter((user) => identityOf(user, attribute) === value);
  const count = page.resources.length;
  if (found.length > 0 || (count === 0 && page.totalResults === 0)) return found;
  // The total may be the length of the page: what lies behind it may be who was asked for.
  const isCut =
    page.totalResults > count ||
    (await client.users({ filter, startIndex: count + 1 }, ctx)).resources.length > 0;
  if (!isCut) return found;
  const message = `${client.platform}: /Users answered ${count} of ${Math.max(count, page.totalResults)} or more to a filter, none of them asked for.`;
  throw new ProviderError('READ_INCOMPLETE', message);
}

/** One account: by its id, else by the identity that `matchBy` names, else by its email. Null when there is none. */
export async function lookUp(
  client: ScimClient,
  profile: ScimProfile,
  ref: AccountRef,
  ctx: CallContext,
): Promise<Account | null> {
  if (ref.id !== null) {
    const user = await client.user(ref.id, ctx);
    return user === null ? null : toAccount(user, profile);
  }
  const wanted: readonly (readonly [MatchBy, string | null])[] = [
    [profile.matchBy, profile.matchBy === 'email' ? null : ref.externalId],
    ['email', ref.email],
  ];
  for (const [attribute, value] of wanted) {
    if (value === null) continue;
    const [user, another] = await findUsers(client, attribute, value, ctx);
    if (another !== undefined) {
      const message = `${client.platform}: several accounts carry the same ${attribute}.`;
      throw new ProviderError('READ_INCOMPLETE', message, {
        hint: 'A run of the whole platform settles it.',
      });
    }
    if (user !== undefined) return toAccount(user, profile);
  }
  return null;
}
