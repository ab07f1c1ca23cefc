import type { SeenCertificate } from '../../jobs/service/certificates.ts';
import type { Trouble } from '../../jobs/service/vitals.ts';
import type { AlertKind } from '../kinds.ts';
import type { Condition } from '../state.ts';
import { at } from './words.ts';

/** Kinds that an evaluation of the service itself covers. */
export const troubleKinds = [
  'DISK_NEARLY_FULL',
  'MEMORY_NEARLY_FULL',
  'SCHEDULE_STALLED',
  'PACER_STALLED',
  'LOG_LOST',
  'CERTIFICATE_ENDS',
] as const satisfies readonly AlertKind[];

/** A certificate is told of so long before its end: authorities renew theirs a month before. */
export const certificateWarningMs = 14 * 24 * 3_600_000;

type Words = Pick<Condition, 'notDone' | 'nextStep'> & { readonly summary: (detail: string) => string };

const words: Readonly<Record<Trouble['kind'], Words>> = {
  DISK_NEARLY_FULL: {
    summary: (detail) => `The disk of the data directory is nearly full: ${detail}.`,
    notDone: null,
    nextStep: 'df -h in dataDir; when it is full, every run stops',
  },
  MEMORY_NEARLY_FULL: {
    summary: (detail) => `Memory is running short: ${detail}.`,
    notDone: null,
    nextStep: 'ps aux --sort=-rss; a process that is killed goes on where it was',
  },
  SCHEDULE_STALLED: {
    summary: (detail) => `The schedule has not been looked at since ${detail}.`,
    notDone: 'No run starts by itself.',
    nextStep: 'systemctl restart rollcall; runs go on where they were',
  },
  PACER_STALLED: {
    summary: (detail) => `Requests wait for slots that do not come, of ${detail}.`,
    notDone: 'Nothing is sent to the platforms of these rate groups.',
    nextStep: 'systemctl restart rollcall; runs go on where they were',
  },
  LOG_LOST: {
    summary: (detail) => `Lines of the log could not be written: ${detail} are lost so far.`,
    notDone: 'The work goes on; what it logged is missing.',
    nextStep: 'df -h; journalctl --disk-usage',
  },
};

/** What is wrong with the service itself. Pure. */
export function troubleConditions(customer: string, troubles: readonly Trouble[]): readonly Condition[] {
  return troubles.map(({ kind, detail }) => {
    const { summary, notDone, nextStep } = words[kind];
    return { kind, customer, platform: null, summary: summary(detail), notDone, nextStep, details: {} };
  });
}

/** Certificates near their end, one state a host. `hosts`: those that are the listener's business; null: all. Pure. */
export function certificateConditions(
  customer: string,
  hosts: ReadonlySet<string> | null,
  seen: readonly SeenCertificate[],
  nowMs: number,
): readonly Condition[] {
  return seen
    .filter(
      ({ host, untilMs }) => untilMs - nowMs < certificateWarningMs && (hosts === null || hosts.has(host)),
    )
    .map(({ name, host, port, starttls, untilMs }) => {
      const mail = starttls ? ' -starttls smtp' : '';
      return {
        kind: 'CERTIFICATE_ENDS' as const,
        customer,
        platform: null,
        subject: name,
        summary: `The certificate of ${name} ends on ${at(untilMs)}, as it was last seen.`,
        notDone: null,
        nextStep: `openssl s_client -connect ${host}:${port}${mail} </dev/null | openssl x509 -noout -enddate; tell whoever runs it`,
        details: {},
        fingerprint: String(untilMs),
      };
    });
}
