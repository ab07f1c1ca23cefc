import type { ApplyingRow, FirstSyncRow } from './applying.ts';
import type { NightRow } from './night.ts';
import type { PeerRow } from './peer.ts';
import type { PlanningRow } from './planning.ts';
import type { QueueRow } from './queueing.ts';
import type { ScalingRow } from './scaling.ts';

/** Everything one run of the benchmark measured. */
export type BenchReport = {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly missing: readonly string[];
  planning: PlanningRow[];
  applying: ApplyingRow[];
  firstSync: FirstSyncRow[];
  queue: QueueRow[];
  peer: readonly PeerRow[];
  scaling: ScalingRow[];
  night: NightRow[];
};
