import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * What process ids are unique in: a boot of one machine, and there the process namespace of one container (proc(5),
 * pid_namespaces(7)). Elsewhere the host's name has to do.
 */
function processSpace(): string {
  const parts = [hostname()];
  for (const read of [
    () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    () => readlinkSync('/proc/self/ns/pid'),
  ]) {
    try {
      parts.push(read());
    } catch {
      // No Linux.
    }
  }
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12);
}

const space = processSpace();

/** A name for this process in leases and batches: tells others on the same machine whether it is still there. */
export function instanceName(): string {
  return `${space}.${process.pid}.${randomUUID().slice(0, 8)}`;
}

/**
 * True when the process of that name is certainly gone: it ran on this machine, and nobody has its process id. A process
 * that is only stopped still has it. Nobody can tell of another machine's.
 */
export function isGone(instance: string): boolean {
  const [where, pid] = instance.split('/', 1)[0]?.split('.') ?? [];
  if (where !== space || pid === undefined || !/^[1-9]\d{0,9}$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
