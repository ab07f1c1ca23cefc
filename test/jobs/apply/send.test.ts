import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostRefusalsInARow, send } from '../../../src/jobs/apply/send.ts';
import type { Provider, WriteRequest } from '../../../src/providers/contract.ts';
import { ProviderError } from '../../../src/providers/error.ts';
import type { Batch, OpenChange } from '../../../src/store/batches.ts';

/** A platform that refuses a whole request for one bad item, and says no more than that. */
function refusing(bad: ReadonlySet<string>, applied: 'no' | 'unknown' = 'no') {
  const requests: string[][] = [];
  const provider = {
    capabilities: { fields: {} },
    write: async (request: WriteRequest) => {
      const people = ('accounts' in request ? request.accounts : request.members).map(({ person }) => person);
      requests.push(people);
      if (people.some((person) => bad.has(person)))
        throw new ProviderError('PLATFORM_REFUSED', 'academy: HTTP 200 (an error in the body).', {
          applied,
        });
      return people.map(() => ({ ok: true }));
    },
  } as unknown as Provider;
  return { provider, requests };
}

const people = (count: number): string[] => Array.from({ length: count }, (_, at) => `E${at}`);

async function sendAll(count: number, bad: ReadonlySet<string> | Provider) {
  const { provider, requests } =
    bad instanceof Set ? refusing(bad) : { provider: bad as Provider, requests: [] };
  const changes = people(count).map(
    (person, seq): OpenChange => ({
      seq,
      person,
      kind: 'create',
      reason: 'NEW',
      ref: { id: null, externalId: person, email: null },
      after: {},
      changed: [],
      link: null,
    }),
  );
  const parts: string[] = [];
  const outcomes = await send(
    {
      provider,
      batch: { operation: 'upsert', target: null } as Batch,
      links: new Map(),
      repeated: false,
      ctx: { signal: new AbortController().signal, onRequest: () => undefined },
    },
    changes,
    async (part) => void parts.push(...part.map(({ person }) => person)),
  );
  const failed = [...outcomes].flatMap(([{ person }, outcome]) => (outcome?.ok === true ? [] : [person]));
  return { requests, outcomes, failed, parts };
}

describe('a batch that is refused as a whole', () => {
  it('is sent once when nothing is wrong', async () => {
    const { requests, failed } = await sendAll(200, new Set());
    expect(requests).toHaveLength(1);
    expect(failed).toEqual([]);
  });

  it.for([
    { name: 'the first', bad: ['E0'], most: 17 },
    { name: 'one in the middle', bad: ['E99'], most: 17 },
    { name: 'six beside each other', bad: people(6), most: 25 },
    { name: 'the first, the middle and the last', bad: ['E0', 'E100', 'E199'], most: 45 },
    { name: 'forty beside each other', bad: people(40), most: 100 },
  ])('halved until what is wrong stands alone: $name', async ({ bad, most }) => {
    const { requests, failed } = await sendAll(200, new Set(bad));
    expect(failed.toSorted()).toEqual(bad.toSorted());
    expect(requests.length).toBeLessThanOrEqual(most);
  });

  it('is not sent in parts when what was refused came after a write of unknown outcome', async () => {
    const { provider, requests } = refusing(new Set(['E0']), 'unknown');
    const error = await sendAll(8, provider).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'PLATFORM_REFUSED', applied: 'unknown' });
    expect(requests).toHaveLength(1);
  });

  it('is given up when the platform refuses everything', async () => {
    const { requests, failed, outcomes } = await sendAll(200, new Set(people(200)));
    expect(requests).toHaveLength(mostRefusalsInARow + 2);
    expect(failed).toHaveLength(200);
    expect(
      [...outcomes.values()].filter((one) => one?.ok === false && /^not sent/.test(one.message)),
    ).not.toEqual([]);
  });

  it('gives every item one outcome, and sends none twice that went through', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.nat(59), { maxLength: 20 }),
        async (count, ats) => {
          const bad = new Set(ats.map((at) => `E${at}`));
          const { requests, outcomes, failed, parts } = await sendAll(count, bad);
          expect(outcomes.size).toBe(count);
          const through = requests.filter((request) => !request.some((person) => bad.has(person))).flat();
          expect(new Set(through).size).toBe(through.length);
          expect(through.length).toBe(count - failed.length);
          if (requests.length > 1) expect(new Set(parts).size).toBe(parts.length);
        },
      ),
    );
  });
});
