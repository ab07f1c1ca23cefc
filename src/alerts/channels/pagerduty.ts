import { postJson, vendorUrl } from '../http.ts';
import { type AlertMessage, factsOf, headline } from '../message.ts';
import { truncate } from '../text.ts';
import type { Channel, ConfigOf } from './channel.ts';

const defaultBase = 'https://events.pagerduty.com';
/** Events API v2, payload.summary. */
const longestSummary = 1_024;

/** The body of an Events API v2 request. News and reminders trigger again under the same key: they join its incident. */
export function pagerdutyEvent(message: AlertMessage, routingKey: string): Record<string, unknown> {
  const target = { routing_key: routingKey, dedup_key: message.key };
  if (message.event === 'end') return { ...target, event_action: 'resolve' };
  const links = [
    ...(message.page == null ? [] : [{ href: message.page, text: 'See and decide' }]),
    ...(/^https?:/.test(message.runbook) ? [{ href: message.runbook, text: 'Runbook' }] : []),
  ];
  return {
    ...target,
    event_action: 'trigger',
    client: 'Rollcall',
    ...(links.length === 0 ? {} : { links }),
    payload: {
      summary: truncate(`${headline(message)}. ${message.summary}`, longestSummary),
      severity: message.severity,
      source: `rollcall/${message.customer}`,
      timestamp: new Date(message.sinceMs).toISOString(),
      component: message.platform ?? 'all platforms',
      group: message.customer,
      class: message.kind,
      custom_details: { Happened: message.summary, ...Object.fromEntries(factsOf(message)) },
    },
  };
}

/** PagerDuty, Events API v2: `url` is the region's base, such as `https://events.eu.pagerduty.com`. */
export function createPagerduty(config: ConfigOf<'pagerduty'>): Channel {
  const url = vendorUrl(config.url ?? defaultBase, '/v2/enqueue');
  return { send: (message) => postJson(url, pagerdutyEvent(message, config.routingKey)) };
}
