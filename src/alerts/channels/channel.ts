import type { AlertChannelConfig } from '../../config/schema.ts';
import type { AlertMessage } from '../message.ts';
import type { SendResult } from '../retry.ts';

/** A way to on-call: one attempt to send one message in its vendor's form. Never throws. */
export type Channel = { readonly send: (message: AlertMessage) => Promise<SendResult> };

/** The configuration of one type of channel. */
export type ConfigOf<T extends AlertChannelConfig['type']> = Extract<AlertChannelConfig, { type: T }>;
