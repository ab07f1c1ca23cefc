import { type ChangeKind, changeKinds, stageOf } from '../../change.ts';
import type { Change } from '../../diff/change.ts';
import type { WriteOperation } from '../../providers/contract.ts';

/** Steps within a stage. A hierarchy of people is never so deep; further down a reference waits for the next run. */
const mostSteps = 100;

/** Puts changes into batches: as few requests as the platform's operations allow, stage by stage. */
export function createLayout(operations: readonly WriteOperation[], observe: boolean) {
  const byKind = new Map<ChangeKind, WriteOperation>();
  for (const kind of changeKinds) {
    const operation = operations.find((candidate) => candidate.kinds.includes(kind));
    if (operation !== undefined) byKind.set(kind, operation);
  }
  let laid: { batch: number; stage: number; operation: string; target: string | null; size: number }[] = [];
  const open = new Map<string, (typeof laid)[number]>();
  /** Of accounts that are made: after how many others. */
  const steps = new Map<string, number>();

  /** Whose account others refer to is there before theirs is written, as if it were a stage of its own. */
  function stepOf({ kind, person, awaits }: Change): number {
    const before = awaits === undefined ? undefined : steps.get(awaits);
    const step = before === undefined ? 0 : Math.min(before + 1, mostSteps - 1);
    if (kind === 'create') steps.set(person, step);
    return step;
  }

  return {
    reset: () => {
      laid = [];
      open.clear();
      steps.clear();
    },
    batches: () => laid,
    place: (change: Change): number | null => {
      const operation = byKind.get(change.kind);
      if (operation === undefined || observe) return null;
      const stage = stageOf[change.kind] * mostSteps + stepOf(change);
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
