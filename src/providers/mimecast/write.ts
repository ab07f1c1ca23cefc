import { normaliseEmail } from '../../normalise.ts';
import type { AccountItem, CallContext, ItemOutcome, WriteRequest } from '../contract.ts';
import { ProviderError } from '../error.ts';
import type { MimecastApi } from './api.ts';
import { isPerson } from './convert.ts';
import { noOutcome, toOutcomes } from './outcomes.ts';
import type { WireUser, WrittenAnswer } from './schema.ts';
import { directoryOwnsUsers, type MimecastSettings } from './settings.ts';

type Body = Readonly<Record<string, unknown>>;
/** An item to be sent, or what became of it without. */
type Prepared = { readonly email: string; readonly body: Body } | { readonly outcome: ItemOutcome };

function refuse(code: string, message: string): Prepared {
  return { outcome: { ok: false, code, message } };
}

const noEmail = refuse('NO_EMAIL', 'Mimecast knows people by their email, and there is none.');

function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1).toLowerCase();
}

/** Writes users and group members. */
export function createWriter(api: MimecastApi, block: MimecastSettings, platform: string) {
  const domains = new Set(block.domains.map((domain) => domain.toLowerCase()));

  async function send(
    prepared: readonly Prepared[],
    write: (items: readonly Body[], ctx: CallContext) => Promise<WrittenAnswer>,
    ctx: CallContext,
  ): Promise<ItemOutcome[]> {
    const sent = prepared.filter((each) => 'body' in each);
    const bodies = sent.map(({ body }) => body);
    const emails = sent.map(({ email }) => email);
    const outcomes = sent.length === 0 ? [] : toOutcomes(emails, await write(bodies, ctx), platform);
    let next = 0;
    return prepared.map((each): ItemOutcome => {
      if ('outcome' in each) return each.outcome;
      return outcomes[next++] ?? noOutcome;
    });
  }

  function toCreate(item: AccountItem): Prepared {
    const email = item.fields['email'] || item.ref.email;
    if (!email) return noEmail;
    if (!domains.has(domainOf(email))) {
      // Created there, it would never be read back, and be created again every night.
      return refuse('DOMAIN_NOT_CONFIGURED', 'The domain of the email is not among domains.');
    }
    const name = item.fields['displayName'];
    return { email, body: { emailAddress: email, ...(name ? { name } : {}) } };
  }

  function toChange(item: AccountItem): Prepared {
    const email = item.ref.email;
    if (!email) return noEmail;
    if (item.kind === 'deactivate') return { email, body: { emailAddress: email, accountDisabled: true } };
    const wanted = item.fields['email'];
    if (wanted && normaliseEmail(wanted) !== normaliseEmail(email)) {
      return refuse('EMAIL_FIXED', 'Mimecast has no operation that changes the address of a user.');
    }
    const name = item.fields['displayName'];
    const enabled = item.kind === 'reactivate' ? { accountDisabled: false } : {};
    return { email, body: { emailAddress: email, ...(name ? { name } : {}), ...enabled } };
  }

  async function findUser(email: string, ctx: CallContext): Promise<WireUser | null> {
    const wanted = normaliseEmail(email);
    for await (const { rows } of api.users(domainOf(email), ctx)) {
      const found = rows.find(({ emailAddress }) => normaliseEmail(emailAddress) === wanted);
      if (found !== undefined) return found;
    }
    return null;
  }

  /** What a create came to whose address exists: users have no single read, so the domain is read. */
  async function claim(email: string, refused: ItemOutcome, ctx: CallContext): Promise<ItemOutcome> {
    const found = await findUser(email, ctx);
    if (found === null) return refused;
    const exists = (code: string, message: string): ItemOutcome => ({ ok: false, code, message });
    if (!isPerson(found)) return exists('EXISTS_ALIAS', 'The address is an alias or a distribution list.');
    if (found.accountDisabled === true) {
      return exists('EXISTS_INACTIVE', 'A disabled user of this address exists and is not ours.');
    }
    return { ok: true, note: 'adopted' };
  }

  async function create(items: readonly AccountItem[], ctx: CallContext): Promise<readonly ItemOutcome[]> {
    const prepared = items.map(toCreate);
    // Sending it twice makes no second user: the second is refused, and then looked up.
    const outcomes = await send(prepared, api.createUsers, ctx);
    for (const [index, each] of prepared.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined || outcome.ok || !('email' in each) || !/exist/.test(outcome.code)) continue;
      outcomes[index] = await claim(each.email, outcome, ctx);
    }
    return outcomes;
  }

  return async (request: WriteRequest, ctx: CallContext): Promise<readonly ItemOutcome[]> => {
    if ('members' in request) {
      const prepared = request.members.map(({ ref: { email } }): Prepared => {
        return email ? { email, body: { id: request.target, emailAddress: email } } : noEmail;
      });
      return send(prepared, request.operation === 'enroll' ? api.addMembers : api.removeMembers, ctx);
    }
    if (!block.manageUsers) {
      throw new ProviderError('CAPABILITY_MISSING', `${platform}: ${directoryOwnsUsers}.`);
    }
    const { accounts } = request;
    const outcomes =
      request.operation === 'create'
        ? await create(accounts, ctx)
        : await send(accounts.map(toChange), api.updateUsers, ctx);
    return accounts.map(({ fields, ref }, index): ItemOutcome => {
      const outcome = outcomes[index] ?? noOutcome;
      const email = request.operation === 'create' ? fields['email'] || ref.email : ref.email;
      if (!outcome.ok || !email) return outcome;
      return { ...outcome, account: { id: normaliseEmail(email), externalId: null } };
    });
  };
}
