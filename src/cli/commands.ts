import type { Command } from './context.ts';

/** All commands; each is loaded when it is asked for, so that `help` costs nothing. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  plan: async () => (await import('./commands/plan.ts')).plan,
  sync: async () => (await import('./commands/sync.ts')).sync,
};
