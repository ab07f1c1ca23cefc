import type { CallContext, WantedLaunch } from '../../providers/contract.ts';
import type { Customer, Platform } from '../customer.ts';
import type { JobDeps } from '../deps.ts';
import { isApproved, isOf, launchSettled, sendHold, unknownReason } from './send.ts';
import type { Reason } from '../reasons.ts';

/** The launches that a run would make now, as reasons for a plan: how many people a send reaches, and whether it would be held. */
export async function previewLaunches(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  platform: Platform,
  planned: { readonly managed: number; readonly joining: ReadonlyMap<string, number> },
  ctx: CallContext,
): Promise<readonly Reason[]> {
  const { launcher } = platform.provider;
  if (launcher === undefined || platform.config.mode === 'observe') return [];
  const rows = await deps.store.launches.find(customer.name, platform.name);
  const isOpen = (wanted: WantedLaunch): boolean => !launchSettled(rows, wanted);
  const reasons = rows
    .filter((row) => row.state === 'unknown' || row.state === 'sending')
    .map((row) => unknownReason(platform.name, row));
  if (!launcher.wanted.some(isOpen)) return reasons;
  for (const launch of await launcher.plan(ctx)) {
    const wanted = launcher.wanted.find(({ name }) => name === launch.name);
    if (wanted === undefined || !isOpen(wanted)) continue;
    const row = rows.find((known) => isOf(known, launch));
    if (row?.state === 'unknown' || row?.state === 'sending') continue;
    const reach = launch.reach + (planned.joining.get(launch.target) ?? 0);
    if (reach === 0) continue;
    if (!launch.send) {
      if (launch.existing === null)
        reasons.push({ code: 'LAUNCH_CREATE', message: `"${launch.name}" will be created and not sent` });
      continue;
    }
    if (launch.existing?.sent === true) continue;
    reasons.push({
      code: 'LAUNCH_SEND',
      message: `"${launch.name}" will be sent, and mails all ${reach} members of its group, unmanaged ones too`,
    });
    const approved =
      row !== undefined && isApproved(row, reach, deps.now(), customer.config.approval.expires);
    const joining = planned.joining.get(launch.target) ?? 0;
    const hold = approved
      ? undefined
      : await sendHold(deps, customer, platform, reach + joining, planned.managed);
    if (hold !== undefined)
      reasons.push({ code: 'HELD_LAUNCH', message: `"${launch.name}" would not be sent: ${hold}` });
  }
  return reasons;
}
