import type { AlertChannelConfig, CustomerConfig } from '../config/schema.ts';
import type { Channel } from './channels/channel.ts';
import { createEmail } from './channels/email.ts';
import { createOpsgenie } from './channels/opsgenie.ts';
import { createPagerduty } from './channels/pagerduty.ts';
import { createSlack } from './channels/slack.ts';
import { createTeams } from './channels/teams.ts';
import { createWebhook } from './channels/webhook.ts';
import { type AlertMessage, testMessage } from './message.ts';
import { defaultRetryPolicy, type RetryPolicy, type SendResult, withRetries } from './retry.ts';

/** What became of a message on one channel. Neither text names an address, a credential or a recipient. */
export type DeliveryOutcome = {
  /** The channel's type, numbered from 1 where there are several of it: `slack`, `slack 2`. */
  readonly channel: string;
  /** Its place in the configured list, from 0. */
  readonly index: number;
  readonly ok: boolean;
  readonly error?: string;
  /** Something to look at although it was delivered. */
  readonly note?: string;
};

/** The part of a logger that delivery needs. */
export type AlertLog = {
  readonly info: (fields: Readonly<Record<string, unknown>>, text: string) => void;
  readonly warn: (fields: Readonly<Record<string, unknown>>, text: string) => void;
};

export type NotifierOptions = {
  readonly channels: readonly AlertChannelConfig[];
  readonly retry?: RetryPolicy;
  readonly log?: AlertLog;
};

export type Notifier = {
  /**
   * Sends a message to every channel that its platform and severity are routed to, or of those to `only` some (by
   * index), all at once. A channel that fails is tried again a few times, and does not hold up the others. Never
   * throws. Channels that the message is not routed to, or that are no longer there, have no outcome.
   */
  readonly deliver: (message: AlertMessage, only?: readonly number[]) => Promise<DeliveryOutcome[]>;
};

function createChannel(config: AlertChannelConfig): Channel {
  switch (config.type) {
    case 'pagerduty':
      return createPagerduty(config);
    case 'opsgenie':
      return createOpsgenie(config);
    case 'slack':
      return createSlack(config);
    case 'teams':
      return createTeams(config);
    case 'webhook':
      return createWebhook(config);
    case 'email':
      return createEmail(config);
  }
}

/**
 * Whether a channel wants a message. What concerns the whole customer (no platform) concerns every platform, so a
 * channel limited to some hears of it too. A test goes everywhere.
 */
export function isRouted(
  config: Pick<AlertChannelConfig, 'platforms' | 'severity'>,
  message: Pick<AlertMessage, 'event' | 'platform' | 'severity'>,
): boolean {
  if (message.event === 'test') return true;
  if (config.severity !== undefined && !config.severity.includes(message.severity)) return false;
  return (
    config.platforms === undefined || message.platform === null || config.platforms.includes(message.platform)
  );
}

function labelOf(channels: readonly AlertChannelConfig[], index: number): string {
  const type = channels[index]?.type ?? 'unknown';
  const before = channels.slice(0, index).filter((channel) => channel.type === type).length;
  return before === 0 ? type : `${type} ${before + 1}`;
}

const silent: AlertLog = { info: () => {}, warn: () => {} };

/** Creates the one sender of alerts for a customer's channels. */
export function createNotifier(options: NotifierOptions): Notifier {
  const { channels: configs, retry = defaultRetryPolicy, log = silent } = options;
  const channels = configs.map((config, index) => ({
    config,
    index,
    label: labelOf(configs, index),
    channel: createChannel(config),
  }));

  async function sendTo(
    { channel, index, label }: (typeof channels)[number],
    message: AlertMessage,
  ): Promise<DeliveryOutcome> {
    const fields = { channel: label, alert: message.kind, event: message.event, customer: message.customer };
    const onRetry = (error: string, attempt: number): void =>
      log.warn({ ...fields, error, attempt }, 'alert not delivered, trying again');
    let result: SendResult;
    try {
      result = await withRetries(() => channel.send(message), retry, onRetry);
    } catch (error) {
      // A defect of a channel must not silence the others. Its text is unknown and so may hold anything: the name does.
      result = { ok: false, error: error instanceof Error ? error.name : 'failed', retry: false };
    }
    if (!result.ok) {
      log.warn({ ...fields, error: result.error }, 'alert not delivered');
      return { channel: label, index, ok: false, error: result.error };
    }
    if (result.note === undefined) log.info(fields, 'alert delivered');
    else log.warn({ ...fields, note: result.note }, 'alert delivered in part');
    return { channel: label, index, ok: true, ...(result.note === undefined ? {} : { note: result.note }) };
  }

  return {
    deliver: (message, only) =>
      Promise.all(
        channels
          .filter(({ config, index }) => isRouted(config, message) && (only?.includes(index) ?? true))
          .map((channel) => sendTo(channel, message)),
      ),
  };
}

/** Sends one test message to each channel of a customer, whatever its routes: `rollcall alerts test`. Never throws. */
export function testAlert(
  config: { readonly customer: string; readonly alerts: Pick<CustomerConfig['alerts'], 'channels'> },
  options: { readonly nowMs: number; readonly retry?: RetryPolicy; readonly log?: AlertLog },
): Promise<DeliveryOutcome[]> {
  const { nowMs, ...rest } = options;
  const notifier = createNotifier({ channels: config.alerts.channels, ...rest });
  return notifier.deliver(testMessage(config.customer, nowMs));
}
