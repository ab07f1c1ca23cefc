import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a condition, asking every few milliseconds. Throws with what was waited for when it does not come. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const began = performance.now();
  while (!(await condition())) {
    if (performance.now() - began > timeoutMs) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await sleep(3);
  }
}
