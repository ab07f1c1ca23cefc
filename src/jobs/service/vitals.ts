import { readFile, statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';

/** What is wrong with the service itself, by the code that on-call is told. */
export type TroubleKind =
  | 'DISK_NEARLY_FULL'
  | 'MEMORY_NEARLY_FULL'
  | 'SCHEDULE_STALLED'
  | 'PACER_STALLED'
  | 'LOG_LOST';

/** A state of the service that on-call has to know of. `detail`: the numbers when it began. */
export type Trouble = { readonly kind: TroubleKind; readonly sinceMs: number; readonly detail: string };

/** States in which no work is done: the service is not ready. */
export const stopping: ReadonlySet<TroubleKind> = new Set(['SCHEDULE_STALLED', 'PACER_STALLED']);

/** Room on a disk, or memory, in bytes. */
export type Room = { readonly freeBytes: number; readonly totalBytes: number };

/** A disk is nearly full below this share or this much, and is not any more at twice that. */
const leastDisk = { share: 0.05, bytes: 256 * 2 ** 20 };
/** Memory is, below this share; twice that ends it. */
const leastMemory = 0.08;
/** A schedule is looked at every second; after so long it is dead. */
const beatWithinMs = 60_000;
/**
 * Who looks every few seconds and finds that much time gone slept itself (a machine that was suspended, a process that was
 * stopped), or its clock was set: what others did not do meanwhile says nothing of them.
 */
const sleptMs = 30_000;
/** Lost lines are told of until none was lost for so long. */
const lostForMs = 15 * 60_000;

export type VitalsParts = {
  readonly now: () => number;
  /** The room on the disk of the data directory; null where it is none of ours. */
  readonly disk: () => Promise<Room | null>;
  readonly memory: () => Promise<Room | null>;
  readonly lastBeatMs: () => number | null;
  readonly stalledGroups: () => readonly string[];
  readonly lostLogBytes: () => number;
};

/** Looks at the service itself. Call it every few seconds; what it says changes only when a state begins or ends. */
export function createVitals(parts: VitalsParts): () => Promise<readonly Trouble[]> {
  const { now } = parts;
  const open = new Map<TroubleKind, Trouble>();
  let lostBytes = 0;
  let lostMs: number | null = null;
  const bornMs = now();
  let lookedMs = bornMs;
  let awakeSinceMs = bornMs;

  /** A state that time alone makes: it begins when it has lasted while we looked, and ends by itself. */
  function noteStanding(kind: TroubleKind, holds: boolean, nowMs: number, detail: () => string): void {
    note(kind, holds && (open.has(kind) || nowMs - awakeSinceMs > beatWithinMs), detail);
  }

  function note(kind: TroubleKind, holds: boolean, detail: () => string): void {
    if (!holds) open.delete(kind);
    else if (!open.has(kind)) open.set(kind, { kind, sinceMs: now(), detail: detail() });
  }

  return async () => {
    const nowMs = now();
    if (nowMs < lookedMs || nowMs - lookedMs > sleptMs) awakeSinceMs = nowMs;
    lookedMs = nowMs;
    const [disk, memory] = await Promise.all([
      parts.disk().catch(() => null),
      parts.memory().catch(() => null),
    ]);
    if (disk !== null) {
      const factor = open.has('DISK_NEARLY_FULL') ? 2 : 1;
      const least = Math.max(
        leastDisk.share * disk.totalBytes,
        Math.min(leastDisk.bytes, disk.totalBytes / 10),
      );
      note('DISK_NEARLY_FULL', disk.freeBytes < factor * least, () => inWords(disk));
    }
    if (memory !== null) {
      const factor = open.has('MEMORY_NEARLY_FULL') ? 2 : 1;
      note('MEMORY_NEARLY_FULL', memory.freeBytes < factor * leastMemory * memory.totalBytes, () =>
        inWords(memory),
      );
    }
    const beatMs = parts.lastBeatMs() ?? bornMs;
    noteStanding('SCHEDULE_STALLED', nowMs - beatMs > beatWithinMs, nowMs, () =>
      new Date(beatMs).toISOString(),
    );
    const stalled = parts.stalledGroups();
    noteStanding('PACER_STALLED', stalled.length > 0, nowMs, () => stalled.join(', '));
    const lost = parts.lostLogBytes();
    if (lost > lostBytes) lostMs = nowMs;
    lostBytes = lost;
    note(
      'LOG_LOST',
      lostMs !== null && nowMs - lostMs < lostForMs,
      () => `${lost.toLocaleString('en')} bytes`,
    );
    return [...open.values()];
  };
}

function inWords({ freeBytes, totalBytes }: Room): string {
  const mib = (bytes: number): string => Math.round(bytes / 2 ** 20).toLocaleString('en');
  return `${mib(freeBytes)} of ${mib(totalBytes)} MiB free`;
}

/** The room on the disk that a folder is on. */
export async function diskRoom(folder: string): Promise<Room> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/**
 * The memory of the machine, or of the control group where that is less (cgroup v2: memory.max, memory.current without the
 * file cache that is given back, https://docs.kernel.org/admin-guide/cgroup-v2.html#memory). `root`: where it is mounted.
 */
export async function memoryRoom(root = '/sys/fs/cgroup', own = '/proc/self/cgroup'): Promise<Room> {
  const machine = { freeBytes: freemem(), totalBytes: totalmem() };
  const text = async (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
  const path = /^0::(.*)$/m.exec(await text(own))?.[1] ?? '';
  for (const folder of [`${root}${path}`, root]) {
    const limit = Number(await text(`${folder}/memory.max`));
    if (!(limit > 0) || limit > machine.totalBytes) continue;
    const used = Number(await text(`${folder}/memory.current`));
    const stat = await text(`${folder}/memory.stat`);
    const cache =
      Number(/^inactive_file (\d+)$/m.exec(stat)?.[1] ?? 0) +
      Number(/^active_file (\d+)$/m.exec(stat)?.[1] ?? 0);
    return { freeBytes: Math.max(0, limit - used + cache), totalBytes: limit };
  }
  return machine;
}
