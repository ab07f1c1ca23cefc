import { type AccountFields, type AccountRef, referredAccount, referredPerson } from '../../account.ts';
import type {
  AccountItem,
  CallContext,
  ItemOutcome,
  MemberItem,
  Provider,
} from '../../providers/contract.ts';
import { ProviderError } from '../../providers/error.ts';
import type { Batch, OpenChange } from '../../store/batches.ts';
import type { LinkRow } from '../../store/links.ts';
import type { ChangeOutcome } from '../../store/outcomes.ts';

/** What every request of a batch has in common. */
export type BatchRequest = {
  readonly provider: Provider;
  readonly batch: Batch;
  readonly links: ReadonlyMap<string, LinkRow>;
  /** An earlier attempt may have been applied. */
  readonly repeated: boolean;
  readonly ctx: CallContext;
};

/** What became of each change that was sent. */
type ItemOutcomes = Map<OpenChange, ItemOutcome | undefined>;

/**
 * So many requests in a row that the platform refuses as a whole, and it is asked for two samples of the rest: to find
 * one bad item among 200 takes 9, four beside each other 13.
 */
export const mostRefusalsInARow = 16;

/**
 * Sends the changes; a request that the platform refuses as a whole is halved until what is wrong with it stands alone.
 * What was sent in parts is handed to `onPart` before the next part goes out: when that one fails, only the rest is tried
 * again. A platform that refuses everything is not asked 399 times: after `mostRefusalsInARow` two samples decide.
 */
export async function send(
  request: BatchRequest,
  changes: readonly OpenChange[],
  onPart: (part: readonly OpenChange[], outcomes: ItemOutcomes) => Promise<void>,
): Promise<ItemOutcomes> {
  const outcomes: ItemOutcomes = new Map();
  let parts: (readonly OpenChange[])[] = changes.length === 0 ? [] : [changes];
  let refusedInARow = 0;

  /** Sends one part. The refusal, where it was refused as a whole. */
  async function attempt(part: readonly OpenChange[]): Promise<ProviderError | null> {
    try {
      const answered = await write(request, part);
      for (const [at, change] of part.entries()) outcomes.set(change, answered[at]);
      refusedInARow = 0;
      if (part.length < changes.length) await onPart(part, outcomes);
      return null;
    } catch (error) {
      if (!(error instanceof ProviderError) || error.code !== 'PLATFORM_REFUSED') throw error;
      // Refused is what came after it, such as the look at a job that it began: it is not sent again in parts.
      if (error.applied === 'unknown') throw error;
      refusedInARow++;
      if (part.length === 1) {
        for (const change of part) outcomes.set(change, refusal(error));
        if (changes.length > 1) await onPart(part, outcomes);
      }
      return error;
    }
  }

  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const refused = await attempt(part);
    if (refused === null) continue;
    if (part.length > 1) {
      const middle = Math.ceil(part.length / 2);
      parts.push(part.slice(middle), part.slice(0, middle));
    }
    if (refusedInARow < mostRefusalsInARow) continue;
    const rest = parts.flat();
    const samples = [...new Set([rest[0], rest[rest.length >> 1]])].filter((one) => one !== undefined);
    for (const sample of samples) await attempt([sample]);
    parts = parts
      .map((one) => one.filter((change) => !samples.includes(change)))
      .filter((one) => one.length > 0);
    if (refusedInARow < mostRefusalsInARow) continue;
    for (const change of parts.flat()) {
      const { code, message } = refusal(refused);
      outcomes.set(change, {
        ok: false,
        code,
        message: `not sent, for the platform refuses all others: ${message}`,
      });
    }
    break;
  }
  return outcomes;
}

function refusal(error: ProviderError): ItemOutcome & { readonly ok: false } {
  return { ok: false, code: error.vendorCode ?? error.code, message: error.message };
}

function write(
  { provider, batch, links, repeated, ctx }: BatchRequest,
  changes: readonly OpenChange[],
): Promise<readonly ItemOutcome[]> {
  const refOf = (change: OpenChange): AccountRef => {
    const link = links.get(change.person);
    if (change.ref.id !== null || link === undefined) return change.ref;
    return { ...change.ref, id: link.account_id, externalId: link.external_id ?? change.ref.externalId };
  };
  if (batch.target !== null && (batch.operation === 'enroll' || batch.operation === 'unenroll')) {
    const members = changes.map((change): MemberItem => ({ person: change.person, ref: refOf(change) }));
    return provider.write({ operation: batch.operation, target: batch.target, members, repeated }, ctx);
  }
  const accounts = changes.flatMap((change): AccountItem[] =>
    change.kind === 'enroll' || change.kind === 'unenroll'
      ? []
      : [
          {
            kind: change.kind,
            person: change.person,
            ref: refOf(change),
            ...resolved(change, referencesOf(provider), links),
          },
        ],
  );
  return provider.write({ operation: batch.operation, accounts, repeated }, ctx);
}

/** The fields of a platform whose value is somebody's account there. */
export function referencesOf({ capabilities }: Pick<Provider, 'capabilities'>): readonly string[] {
  return Object.entries(capabilities.fields).flatMap(([name, { reference }]) =>
    reference === true ? [name] : [],
  );
}

/** The values to be written, accounts by their ids there. Who has none is left out: it is no failure of this one. */
function resolved(
  { after, changed }: Pick<OpenChange, 'after' | 'changed'>,
  references: readonly string[],
  links: BatchRequest['links'],
): { readonly fields: AccountFields; readonly changed: readonly string[] } {
  const fields: Record<string, string> = { ...after };
  const unknown = new Set<string>();
  for (const name of references) {
    const value = fields[name];
    if (value === undefined || value === '') continue;
    const person = referredPerson(value);
    const id = person === null ? referredAccount(value) : (links.get(person)?.account_id ?? null);
    if (id !== null) fields[name] = id;
    else {
      delete fields[name];
      unknown.add(name);
    }
  }
  return { fields, changed: changed.filter((name) => !unknown.has(name)) };
}

/** What the journal and the links keep of an item's outcome. `undefined`: the platform's answer left the item out. */
export function asOutcome(
  { provider, batch, links }: BatchRequest,
  change: OpenChange,
  outcome: ItemOutcome | undefined,
  nowMs: number,
): ChangeOutcome {
  const link = links.get(change.person);
  if (outcome === undefined)
    return {
      seq: change.seq,
      outcome: 'failed',
      code: 'NO_OUTCOME',
      message: 'the platform said nothing of this item',
      link: null,
      isNewLink: false,
      alias: null,
    };
  if (!outcome.ok)
    return {
      seq: change.seq,
      outcome: 'failed',
      code: outcome.code,
      message: outcome.message,
      link: null,
      isNewLink: false,
      alias: null,
    };
  const done = {
    seq: change.seq,
    outcome: 'done' as const,
    code: null,
    message: outcome.note ?? null,
    isNewLink: link === undefined,
  };
  const facts = {
    written_hash: change.link?.writtenHash ?? null,
    email_hash: change.link?.emailHash ?? null,
  };
  const base: LinkRow = link ?? {
    customer: batch.customer,
    platform: batch.platform,
    person: change.person,
    account_id: null,
    external_id: null,
    email: null,
    written_hash: null,
    email_hash: null,
    confirmed_hash: null,
    deactivated: false,
    linked_ms: nowMs,
    run_id: batch.run_id,
  };
  if (change.kind === 'create' || change.kind === 'update' || change.kind === 'reactivate') {
    const externalId = outcome.account?.externalId ?? null;
    const known = {
      account_id: outcome.account?.id ?? base.account_id ?? change.ref.id,
      external_id: externalId !== null && externalId !== change.person ? externalId : base.external_id,
    };
    const deactivated = change.kind === 'update' && base.deactivated;
    return { ...done, link: { ...base, ...known, ...facts, confirmed_hash: null, deactivated }, alias: null };
  }
  if (change.kind === 'deactivate' && link !== undefined)
    return { ...done, link: { ...link, deactivated: true }, alias: null };
  if (change.kind === 'enroll' && provider.capabilities.accounts === 'none') {
    const moved = base.email !== null && base.email !== change.ref.email;
    const named =
      change.ref.externalId !== null && change.ref.externalId !== change.person
        ? change.ref.externalId
        : null;
    return {
      ...done,
      link: { ...base, external_id: named, email: change.ref.email, ...facts },
      alias: moved ? base.email : null,
    };
  }
  return { ...done, link: null, alias: null };
}
