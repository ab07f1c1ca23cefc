import { type ChangeKind, changeKinds, stageOf } from '../../change.ts';
import type { Change } from '../../diff/change.ts';
import type { WriteOperation } from '../../providers/contract.ts';

/** Puts changes into batches: as few requests as the platform's operations allow, stage by stage. */
export function createLayout(operations: readonly WriteOperation[], observe: boolean) {
  const byKind = new Map<ChangeKind, WriteOperation>();
  for (const kind of changeKinds) {
    const operation = operations.find((candidate) => candidate.kinds.includes(kind));
    if (operation !== undefined) byKind.set(kind, operation);
  }
  let laid: { batch: number; stage: number; operation: string; target: string | null; size: number }[] = [];
  const open = new Map<string, (typeof laid)[number]>();
  return {
    reset: () => {
      laid = [];
      open.clear();
    },
    batches: () => laid,
    place: (change: Change): number | null => {
      const operation = byKind.get(change.kind);
      if (operation === undefined || observe) return null;
      const stage = stageOf[change.kind];
      const lane = `${stage}\n${operation.name}\n${change.target ?? ''}`;
      let batch = open.get(lane);
      if (batch === undefined || batch.size >= operation.limit) {
        batch = { batch: laid.length + 1, stage, operation: operation.name, target: change.target, size: 0 };
        laid.push(batch);
        open.set(lane, batch);
      }
      batch.size++;
      return batch.batch;
    },
  };
}
