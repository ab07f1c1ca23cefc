import { expect, test } from 'vitest';
import type { CustomerFacts, PlatformFacts } from '../../src/alerts/conditions/facts.ts';
import { rosterConditions } from '../../src/alerts/conditions/roster.ts';

/** As much of the facts as the roster's conditions look at. */
function factsOf(failures: Readonly<Record<string, string>>): CustomerFacts {
  const platforms = Object.entries(failures).map(([name, code]) => ({
    name,
    scheduled: true,
    last: {
      id: `${name}-1`,
      platform: name,
      status: 'failed',
      reasons: [{ code, message: `${code} it is.` }],
    },
    through: undefined,
  }));
  return {
    customer: 'harbour',
    commandSuffix: '',
    nowMs: 0,
    platforms: platforms as unknown as readonly PlatformFacts[],
    rejected: [],
    unchanged: [],
    keys: [],
  };
}

test('a roster that did not come is an alert of its own, once for all platforms', () => {
  const conditions = rosterConditions(
    factsOf({ academy: 'ROSTER_UNREACHABLE', other: 'ROSTER_UNREACHABLE', third: 'PLATFORM_UNAVAILABLE' }),
  );
  expect(conditions).toMatchObject([
    {
      kind: 'ROSTER_UNREACHABLE',
      platform: null,
      runId: 'academy-1',
      summary: expect.stringMatching(/^The roster did not come\. /),
      notDone: 'Nothing was changed on academy, other; nobody was removed.',
      nextStep: 'rollcall check; when it comes again: rollcall resync',
    },
  ]);
});

test('one that came and cannot be read is another', () => {
  const kinds = rosterConditions(factsOf({ academy: 'ROSTER_UNREACHABLE', other: 'ROSTER_FORMAT' })).map(
    ({ kind }) => kind,
  );
  expect(kinds).toEqual(['ROSTER_UNREACHABLE', 'ROSTER_UNREADABLE']);
});
