import type { Platform } from '../jobs/customer.ts';

/** What to say under a plan or a run of a platform that only observes; '' for all others. With a line end. */
export function observesLine(platform: Platform): string {
  if (platform.config.mode !== 'observe') return '';
  return `  observes: nothing is written there. To apply, set mode: additive (nobody is removed) or mode: full under platforms.${platform.name}\n`;
}
