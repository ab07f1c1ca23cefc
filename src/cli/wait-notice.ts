import { clearLine } from '../output/output.ts';
import type { Cli } from './context.ts';

/** A pause shorter than this is over before anybody has read of it. */
const shortestToldMs = 3_000;
/** A pause that ends so much later is another one. */
const anotherMs = 1_000;

/** Commands that say themselves that a platform asked to wait, or write a log. */
const tellThemselves: ReadonlySet<string> = new Set(['start', 'check']);

/** Platforms that share a rate group. */
type Paced = { readonly name: string; readonly rateGroup: string };

/**
 * Says on standard error that a command waits because a platform asked to, until when, once a pause: nobody sits before a
 * bar that stands still and does not know why.
 */
export function createWaitNotice(
  cli: Pick<Cli, 'err' | 'isTerminal' | 'now'>,
  command: string,
  platforms: () => Iterable<Paced>,
): (group: string, pauseMs: number) => void {
  const told = new Map<string, number>();
  return (group, pauseMs) => {
    if (tellThemselves.has(command) || pauseMs < shortestToldMs) return;
    const untilMs = cli.now() + pauseMs;
    if (untilMs <= (told.get(group) ?? 0) + anotherMs) return;
    told.set(group, untilMs);
    const names = [...platforms()].filter(({ rateGroup }) => rateGroup === group).map(({ name }) => name);
    const at = new Intl.DateTimeFormat('sv-SE', {
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      timeZoneName: 'short',
    }).format(untilMs);
    cli.err.write(
      `${cli.isTerminal ? clearLine : ''}${names.join(', ') || 'the platform'}: asked to wait until ${at}; going on then\n`,
    );
  };
}
