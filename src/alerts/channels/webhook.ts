import { createHmac } from 'node:crypto';
import { attempt } from '../http.ts';
import type { AlertMessage } from '../message.ts';
import type { Channel, ConfigOf } from './channel.ts';

/** What a webhook receives. `version` rises when a field changes its meaning; fields may be added without. */
export function webhookBody(message: AlertMessage): Record<string, unknown> {
  return {
    version: 1,
    id: message.id,
    event: message.event,
    key: message.key,
    kind: message.kind,
    severity: message.severity,
    title: message.title,
    summary: message.summary,
    customer: message.customer,
    platform: message.platform,
    run: message.runId,
    since: new Date(message.sinceMs).toISOString(),
    at: new Date(message.atMs).toISOString(),
    notDone: message.notDone,
    nextStep: message.nextStep,
    runbook: message.runbook,
    details: message.details,
  };
}

/** HMAC-SHA256 over `timestamp.body`, in hex. `timestamp` in seconds since 1970, as text. */
export function signWebhook(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

/**
 * A signed webhook. The receiver computes the signature over `X-Rollcall-Timestamp`, a dot and the raw body, and refuses
 * old timestamps: each attempt is signed anew. The same message sent again has the same `id`.
 */
export function createWebhook(config: ConfigOf<'webhook'>, now: () => number = Date.now): Channel {
  return {
    send: (message) => {
      const body = JSON.stringify(webhookBody(message));
      const timestamp = String(Math.floor(now() / 1_000));
      return attempt({
        method: 'POST',
        url: config.url,
        body,
        headers: {
          'content-type': 'application/json',
          'x-rollcall-timestamp': timestamp,
          'x-rollcall-signature': signWebhook(config.secret, timestamp, body),
        },
      });
    },
  };
}
