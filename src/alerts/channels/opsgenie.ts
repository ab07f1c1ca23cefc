import { postJson, vendorUrl } from '../http.ts';
import type { Severity } from '../kinds.ts';
import { type AlertMessage, factsOf, headline, plainText } from '../message.ts';
import { truncate } from '../text.ts';
import type { Channel, ConfigOf } from './channel.ts';

const defaultBase = 'https://api.opsgenie.com';
/** Limits of the Alert API's create request. */
const longest = { message: 130, description: 15_000, entity: 512, note: 25_000 } as const;
const priorities = { critical: 'P1', warning: 'P3', info: 'P5' } as const satisfies Record<Severity, string>;

/** The body of a create request. The same alias counts up an alert that is open. */
export function opsgenieAlert(message: AlertMessage): Record<string, unknown> {
  return {
    message: truncate(headline(message), longest.message),
    alias: message.key,
    description: truncate(plainText(message), longest.description),
    tags: ['rollcall', message.kind, message.severity],
    details: Object.fromEntries(factsOf(message)),
    entity: truncate(message.platform ?? message.customer, longest.entity),
    source: 'rollcall',
    priority: priorities[message.severity],
  };
}

/**
 * Opsgenie, and the same Alert API in Jira Service Management: alerts are created and closed by alias.
 * `url` is the region's base, such as `https://api.eu.opsgenie.com`.
 */
export function createOpsgenie(config: ConfigOf<'opsgenie'>): Channel {
  const url = vendorUrl(config.url ?? defaultBase, '/v2/alerts');
  const headers = { authorization: `GenieKey ${config.apiKey}` };
  return {
    send: (message) =>
      message.event === 'end'
        ? postJson(
            `${url}/${encodeURIComponent(message.key)}/close?identifierType=alias`,
            { source: 'rollcall', note: truncate(plainText(message), longest.note) },
            { headers },
          )
        : postJson(url, opsgenieAlert(message), { headers }),
  };
}
