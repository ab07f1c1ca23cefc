import type { Kysely } from 'kysely';
import { type LinkRow, putLinks } from './links.ts';
import type { PlanRecord } from './plan-record.ts';
import { keepEmails, movePerson } from './results.ts';
import type { Tables } from './schema.ts';

/** More take the memory of a million adoptions further up (5,000 by a tenth or two), and are hardly faster. */
const adoptedAtOnce = 1_000;

/** Stores the links that a plan brings without a write. Returns how many. */
export async function saveAdoptions(tx: Kysely<Tables>, record: PlanRecord, nowMs: number): Promise<number> {
  let count = 0;
  let links: LinkRow[] = [];
  const flush = async (): Promise<void> => {
    await keepEmails(tx, links);
    await putLinks(tx, links);
    links = [];
  };
  for (const adoption of record.adoptions) {
    let deactivated = false;
    if (adoption.from !== null) {
      // The history goes with the account: whoever completed under a former employee id has completed.
      await movePerson(tx, record, adoption.from, adoption.person);
      const former = await tx
        .deleteFrom('links')
        .where('customer', '=', record.customer)
        .where('platform', '=', record.platform)
        .where('person', '=', adoption.from)
        .returning('deactivated')
        .executeTakeFirst();
      deactivated = former?.deactivated ?? false;
    }
    links.push({
      customer: record.customer,
      platform: record.platform,
      person: adoption.person,
      account_id: adoption.ref.id,
      external_id: adoption.ref.externalId === adoption.person ? null : adoption.ref.externalId,
      email: adoption.ref.id === null ? adoption.ref.email : null,
      written_hash: adoption.link?.writtenHash ?? null,
      email_hash: adoption.link?.emailHash ?? null,
      confirmed_hash: adoption.confirmedHash,
      deactivated,
      linked_ms: nowMs,
      run_id: record.run,
    });
    count++;
    if (links.length === adoptedAtOnce) await flush();
  }
  await flush();
  return count;
}
