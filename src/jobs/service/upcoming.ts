import { RollcallError } from '../../errors.ts';
import { jitterOf, type Schedule } from '../schedule/beat.ts';
import { cronSchedule } from '../schedule/cron.ts';
import type { Customer, Platform } from '../customer.ts';

/** The schedule of a platform; undefined when it has none. Throws CONFIG_INVALID with the place. */
export function scheduleOf(customer: Customer, platform: Platform): Schedule | undefined {
  const { schedule, timezone } = platform.config;
  if (schedule === undefined) return undefined;
  try {
    return cronSchedule(schedule, timezone, `platforms.${platform.name}.schedule`);
  } catch (error) {
    if (!(error instanceof RollcallError)) throw error;
    throw new RollcallError(error.code, error.message, {
      place: { file: customer.config.file, ...error.place },
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}

/** A pause as far as the schedule cares: null ends only when somebody resumes the platform. */
export type PauseEnd = { readonly paused_until_ms: number | null };

/** When the schedule starts a platform next, jitter included; nothing while it is paused without an end. */
export function upcomingRuns(
  customer: Customer,
  platform: Platform,
  pause: PauseEnd | null,
  nowMs: number,
  count: number,
): readonly number[] {
  const schedule = scheduleOf(customer, platform);
  if (schedule === undefined || (pause !== null && pause.paused_until_ms === null)) return [];
  const runs: number[] = [];
  let slotMs = schedule.next(Math.max(nowMs, pause?.paused_until_ms ?? nowMs));
  while (slotMs !== null && runs.length < count) {
    runs.push(slotMs + jitterOf(customer.name, platform.name, slotMs, platform.config.jitter));
    slotMs = schedule.next(slotMs);
  }
  return runs;
}
