import { RollcallError } from '../errors.ts';
import type { Engine } from '../jobs/service/engine.ts';
import type { Run } from '../store/run-lookups.ts';
import type { Cli } from './context.ts';
import type { ProgressBar } from './progress-bar.ts';

/** A request for one run, as the engine gave it back. */
export type RequestedRun = {
  readonly engine: Engine;
  readonly job: Parameters<Engine['result']>[0];
  readonly platform: string;
};

/**
 * Waits for the run that somebody asked for and shows how it goes. Throws RUN_ABORTED when it was refused, or when a
 * newer request took its place.
 */
export async function awaitRun(
  cli: Pick<Cli, 'signal'>,
  { engine, job, platform }: RequestedRun,
  bar: ProgressBar,
): Promise<Run> {
  const result = await engine
    .result(job, { signal: cli.signal, onProgress: (progress) => bar.show(platform, progress) })
    .finally(() => bar.clear());
  if ('run' in result) return result.run;
  throw new RollcallError(
    'RUN_ABORTED',
    'refused' in result
      ? `${result.refused.code}: ${result.refused.message}.`
      : 'a newer request took the place of this run.',
  );
}
