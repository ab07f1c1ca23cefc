import { postJson } from '../http.ts';
import { type AlertMessage, factsOf, headline } from '../message.ts';
import type { Channel, ConfigOf } from './channel.ts';

type Run = {
  type: 'TextRun';
  text: string;
  weight?: 'Bolder';
  fontType?: 'Monospace';
  size?: 'Large';
  color?: string;
};

/** Text runs, unlike text blocks, are not read as Markdown: nothing in a value can become a link. */
const paragraph = (...inlines: Run[]): Record<string, unknown> => ({ type: 'RichTextBlock', inlines });

function colour(message: AlertMessage): string {
  if (message.event === 'end') return 'Good';
  if (message.severity === 'critical') return 'Attention';
  return message.severity === 'warning' ? 'Warning' : 'Default';
}

/** The body for a webhook of Teams' Workflows: one Adaptive Card. Well below the 28 KB that Teams takes. */
export function teamsMessage(message: AlertMessage): Record<string, unknown> {
  const heading: Run = {
    type: 'TextRun',
    text: headline(message),
    weight: 'Bolder',
    size: 'Large',
    color: colour(message),
  };
  const facts = factsOf(message).map(([label, value]) =>
    paragraph(
      { type: 'TextRun', text: `${label}: `, weight: 'Bolder' },
      { type: 'TextRun', text: value, ...(label === 'Next step' ? { fontType: 'Monospace' as const } : {}) },
    ),
  );
  return {
    type: 'message',
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          fallbackText: headline(message),
          msteams: { width: 'Full' },
          body: [paragraph(heading), paragraph({ type: 'TextRun', text: message.summary }), ...facts],
        },
      },
    ],
  };
}

/** Microsoft Teams, by the webhook of a workflow ("When a Teams webhook request is received"). */
export function createTeams(config: ConfigOf<'teams'>): Channel {
  return { send: (message) => postJson(config.webhookUrl, teamsMessage(message)) };
}
