import { patience } from '../../providers/rate-limit.ts';
import type { PacerSlots } from '../../store/pacer-slots.ts';

/**
 * Until when platforms asked to wait, of those that did and whose time has not come, by the name of the platform. A time
 * beyond the longest pause was stored before a clock went back, and is none.
 */
export async function askedToWait(
  pacers: Pick<PacerSlots, 'asked'>,
  platforms: Iterable<{ readonly name: string; readonly rateGroup: string }>,
  nowMs: number,
): Promise<ReadonlyMap<string, number>> {
  const all = [...platforms];
  const until = await pacers.asked([...new Set(all.map(({ rateGroup }) => rateGroup))]);
  return new Map(
    all.flatMap(({ name, rateGroup }) => {
      const untilMs = until.get(rateGroup) ?? 0;
      return untilMs > nowMs && untilMs <= nowMs + patience.longestPauseMs ? [[name, untilMs]] : [];
    }),
  );
}
