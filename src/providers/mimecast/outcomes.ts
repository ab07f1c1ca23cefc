import type { ItemOutcome } from '../contract.ts';
import { ProviderError, safeCode } from '../error.ts';
import type { WireFailure, WrittenAnswer } from './schema.ts';

/** Codes that say that it was so already. */
const alreadySo: ReadonlyMap<string, string> = new Map([
  ['err_folder_group_member_already_exists', 'was a member'],
  ['err_folder_email_address_not_found', 'was no member'],
]);

/** The outcome of an item that the answer does not speak of. */
export const noOutcome: ItemOutcome = {
  ok: false,
  code: 'NO_OUTCOME',
  message: 'Mimecast did not say which items of the call failed.',
};

function codeOf({ errors }: WireFailure): string {
  return safeCode(errors?.[0]?.code) ?? 'REFUSED';
}

function outcomeOf(failure: WireFailure): ItemOutcome {
  const code = codeOf(failure);
  const note = alreadySo.get(code);
  return note === undefined ? { ok: false, code, message: 'Mimecast refused the item.' } : { ok: true, note };
}

/** The address that a failure's `key` names; undefined without a key that does. */
function keyEmail({ key }: WireFailure): string | undefined {
  if (typeof key === 'string') return key.toLowerCase();
  if (typeof key !== 'object' || key === null || !('emailAddress' in key)) return undefined;
  return typeof key.emailAddress === 'string' ? key.emailAddress.toLowerCase() : undefined;
}

/**
 * One outcome for each item of a call, in their order. A failure belongs to the item that its `key` names; without keys,
 * as many failures as items are all of them. What cannot be told apart has no outcome.
 *
 * @throws ProviderError PLATFORM_UNAVAILABLE when the only item may well pass later; PLATFORM_REFUSED when one failure
 *   without a key and no `data` answer several items: the call was refused as a whole, and may pass in parts
 */
export function toOutcomes(
  emails: readonly string[],
  answer: WrittenAnswer,
  platform: string,
): readonly ItemOutcome[] {
  const fail = answer.fail ?? [];
  const [first] = fail;
  if (first === undefined) return emails.map(() => ({ ok: true }));
  if (emails.length === 1) {
    if (first.errors?.[0]?.retryable === true) {
      const message = `${platform}: Mimecast failed the item for now, ${codeOf(first)}.`;
      throw new ProviderError('PLATFORM_UNAVAILABLE', message, { vendorCode: codeOf(first), status: 200 });
    }
    return [outcomeOf(first)];
  }
  const keys = fail.map(keyEmail);
  const wanted = emails.map((email) => email.toLowerCase());
  if (keys.every((key) => key !== undefined && wanted.includes(key))) {
    return wanted.map((email): ItemOutcome => {
      const failure = fail[keys.indexOf(email)];
      return failure === undefined ? { ok: true } : outcomeOf(failure);
    });
  }
  if (fail.length === emails.length) {
    const isOneCode = new Set(fail.map(codeOf)).size === 1;
    // Without keys nothing says that the failures come in the items' order.
    const isAllFailed = fail.every((failure) => !alreadySo.has(codeOf(failure)));
    if (isOneCode || isAllFailed) return fail.map(outcomeOf);
  }
  if (fail.length === 1 && keys[0] === undefined && answer.data.length === 0) {
    const message = `${platform}: Mimecast refused a call of ${emails.length} items, ${codeOf(first)}.`;
    throw new ProviderError('PLATFORM_REFUSED', message, { vendorCode: codeOf(first), status: 200 });
  }
  return emails.map(() => noOutcome);
}
