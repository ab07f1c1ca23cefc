import { postJson } from '../http.ts';
import { type AlertMessage, factsOf, headline } from '../message.ts';
import { truncate } from '../text.ts';
import type { Channel, ConfigOf } from './channel.ts';

/** Limits of Slack's blocks: a header, a section's text, one of a section's fields, and fields a section. */
const longest = { header: 150, text: 3_000, field: 2_000, fields: 10 } as const;

/** Slack reads `&`, `<` and `>` as markup: escaped, no text can mention a channel or forge a link. */
const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const mrkdwn = (text: string): { type: 'mrkdwn'; text: string } => ({ type: 'mrkdwn', text });

/** The body for an incoming webhook. `text` is what notifications show. */
export function slackMessage(message: AlertMessage): Record<string, unknown> {
  const facts = factsOf(message).filter(([label]) => label !== 'Next step');
  const fields = facts
    .slice(0, longest.fields)
    .map(([label, value]) => mrkdwn(truncate(`*${escapeText(label)}*\n${escapeText(value)}`, longest.field)));
  const more = facts.slice(longest.fields).map(([label, value]) => `${label}: ${value}`);
  const command = message.nextStep?.replaceAll('`', "'");
  return {
    text: truncate(escapeText(`${headline(message)}. ${message.summary}`), longest.text),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: truncate(headline(message), longest.header) } },
      { type: 'section', text: mrkdwn(truncate(escapeText(message.summary), longest.text)) },
      ...(command === undefined
        ? []
        : [{ type: 'section', text: mrkdwn(`*Next step*\n\`\`\`${escapeText(command)}\`\`\``) }]),
      { type: 'section', fields },
      ...(more.length === 0
        ? []
        : [
            {
              type: 'context',
              elements: [mrkdwn(truncate(escapeText(more.join(' · ')), longest.text))],
            },
          ]),
    ],
  };
}

/** Slack, by incoming webhook: one message a state's beginning, one at its end. */
export function createSlack(config: ConfigOf<'slack'>): Channel {
  // Slack's errors are one word in the body, such as invalid_blocks, no_service or channel_is_archived.
  const vendorCode = (body: string): string => body.trim();
  return { send: (message) => postJson(config.webhookUrl, slackMessage(message), { vendorCode }) };
}
