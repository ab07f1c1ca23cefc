import type { Condition } from '../state.ts';
import type { Run } from '../../store/run-lookups.ts';
import type { RunReason } from '../../store/schema.ts';
import { listed, sentences } from './words.ts';
import type { Command, OfPlatform } from './facts.ts';
import { incomplete, type ReasonCode } from '../../jobs/reasons.ts';

/** Removals that wait because the platform did not prove that it was read whole. */
export function platformWithheld(of: OfPlatform, through: Run, run: Command, again: string): Condition[] {
  const reasons = incomplete(through.reasons, 'platform');
  if (reasons.length === 0) return [];
  return [
    {
      ...of,
      kind: 'REMOVALS_WITHHELD',
      runId: through.id,
      summary: `${of.platform} was not read whole. ${sentences(reasons)}`,
      notDone: removalsNotDone([through]),
      nextStep: `${run(`show ${through.id}`)}; ${run('check')}; when it is whole again: ${again}`,
      details: { reasons: listed(reasons.map(({ code }) => code)) },
    },
  ];
}

/** Only the people concerned wait for that one: the others are removed as ever. */
const respelled: ReasonCode = 'ROSTER_IDS_RESPELLED';

/** Removals that wait because the roster did not prove that it is complete: one alert, whatever the number of platforms. */
export function rosterWithheld(
  customer: string,
  throughs: readonly Run[],
  run: Command,
  again: string,
): Condition[] {
  const doubtful = throughs.filter((through) => rosterDoubts(through).length > 0);
  const [first] = doubtful;
  if (first === undefined) return [];
  const doubts = rosterDoubts(first);
  return [
    {
      customer,
      platform: null,
      kind: 'REMOVALS_WITHHELD',
      runId: first.id,
      ...(doubts.every(({ code }) => code === respelled)
        ? {
            summary: `The ids of the roster are written in another way. ${sentences(doubts)}`,
            notDone: `These people were neither created nor removed on ${listed(doubtful.map(({ platform }) => platform))}; everything else went ahead.`,
          }
        : {
            summary: `The roster does not prove that it is complete. ${sentences(doubts)}`,
            notDone: removalsNotDone(doubtful, partsOf(doubts)),
          }),
      nextStep: `${run('check')}; have the export repaired, then ${again}`,
      details: { reasons: listed(doubts.map(({ code }) => code)) },
    },
  ];
}

/** The parts of the roster whose people alone wait; none where everybody does. */
function partsOf(doubts: readonly RunReason[]): readonly string[] {
  const parts = doubts.map(({ part }) => part);
  return parts.every((part) => part !== undefined) ? [...new Set(parts)] : [];
}

function removalsNotDone(runs: readonly Run[], parts: readonly string[] = []): string {
  const waiting = runs.flatMap(({ reasons }) => reasons.filter(({ code }) => code === 'REMOVALS_WITHHELD'));
  const where = listed(runs.map(({ platform }) => platform));
  const counted = waiting.length === 0 ? '' : ` ${sentences(waiting)}`;
  return `Nobody${parts.length === 0 ? '' : ` of ${listed(parts)}`} was deactivated or unenrolled on ${where}; everything else went ahead.${counted}`;
}

/** Doubts about the roster besides its age, and parts that did not come, which are alerts of their own. */
function rosterDoubts(run: Run): readonly RunReason[] {
  return incomplete(run.reasons, 'roster').filter(
    ({ code }) => code !== 'ROSTER_STALE' && code !== 'ROSTER_PART_AWAY',
  );
}
