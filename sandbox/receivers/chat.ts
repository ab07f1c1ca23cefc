import { classify, isJsonPost, isObject, isText, type Json, type Receiver, tooMany } from './receiver.ts';
import type { SandboxResponse } from '../server.ts';

function isSlackText(value: unknown, type: 'plain_text' | 'mrkdwn', max: number): boolean {
  return isObject(value) && value['type'] === type && isText(value['text'], max);
}

function isSlackBlock(block: unknown): boolean {
  if (!isObject(block)) return false;
  const { type, text, fields, elements } = block;
  if (type === 'header') return isSlackText(text, 'plain_text', 150);
  if (type === 'context')
    return (
      Array.isArray(elements) &&
      elements.length >= 1 &&
      elements.length <= 10 &&
      elements.every((element) => isSlackText(element, 'mrkdwn', 3_000))
    );
  if (type !== 'section' || (text === undefined && fields === undefined)) return false;
  if (text !== undefined && !isSlackText(text, 'mrkdwn', 3_000)) return false;
  return (
    fields === undefined ||
    (Array.isArray(fields) &&
      fields.length >= 1 &&
      fields.length <= 10 &&
      fields.every((field) => isSlackText(field, 'mrkdwn', 2_000)))
  );
}

/** Every text that Slack would read as markup. */
function slackMarkup(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(slackMarkup);
  if (!isObject(value) || value['type'] === 'plain_text') return [];
  return Object.entries(value).flatMap(([key, part]) =>
    key === 'text' && typeof part === 'string' ? [part] : slackMarkup(part),
  );
}

/** Rollcall sends no mentions and no links: a bare `<`, `>` or `&` is a value that was not escaped. */
const isEscaped = (text: string): boolean => !/[<>]|&(?!amp;|lt;|gt;)/.test(text);

/** Slack's incoming webhook at `path`. `state` is the messages taken. */
export function slackReceiver(path: string): Receiver<Json[]> {
  const state: Json[] = [];
  return {
    state,
    classify,
    tooMany,
    handle: (request) => {
      if (request.path !== path) return { status: 404, text: 'no_service' };
      if (!isJsonPost(request) || !isObject(request.json)) return { status: 400, text: 'invalid_payload' };
      const { text, blocks } = request.json;
      if (text === undefined && blocks === undefined) return { status: 400, text: 'no_text' };
      if (text !== undefined && !isText(text, 40_000)) return { status: 400, text: 'no_text' };
      if (
        blocks !== undefined &&
        !(Array.isArray(blocks) && blocks.length <= 50 && blocks.every(isSlackBlock))
      )
        return { status: 400, text: 'invalid_blocks' };
      if (!slackMarkup({ text, blocks }).every(isEscaped)) return { status: 400, text: 'invalid_payload' };
      state.push(request.json);
      return { status: 200, text: 'ok' };
    },
  };
}

const largestTeamsBytes = 28 * 1024;

function isCardElement(element: unknown): boolean {
  if (!isObject(element)) return false;
  if (element['type'] !== 'RichTextBlock' || !Array.isArray(element['inlines'])) return false;
  return element['inlines'].every(
    (run) =>
      isObject(run) &&
      run['type'] === 'TextRun' &&
      isText(run['text'], 10_000) &&
      (run['weight'] === undefined || ['Lighter', 'Default', 'Bolder'].includes(String(run['weight']))) &&
      (run['fontType'] === undefined || ['Default', 'Monospace'].includes(String(run['fontType']))) &&
      (run['size'] === undefined ||
        ['Small', 'Default', 'Medium', 'Large', 'ExtraLarge'].includes(String(run['size']))) &&
      (run['color'] === undefined ||
        ['Default', 'Dark', 'Light', 'Accent', 'Good', 'Warning', 'Attention'].includes(
          String(run['color']),
        )),
  );
}

/** A workflow of Microsoft Teams that waits for a webhook at `path`. `state` is the cards taken. */
export function teamsReceiver(path: string): Receiver<Json[]> {
  const state: Json[] = [];
  const refuse = (message: string): SandboxResponse => ({
    status: 400,
    json: { error: { code: 'TriggerInputSchemaMismatch', message } },
  });
  return {
    state,
    classify,
    tooMany,
    handle: (request) => {
      if (request.path !== path)
        return { status: 401, json: { error: { code: 'DirectApiAuthorizationRequired' } } };
      if (!isJsonPost(request) || !isObject(request.json)) return refuse('not JSON');
      if (Buffer.byteLength(request.text) > largestTeamsBytes)
        return { status: 413, json: { error: { code: 'RequestEntityTooLarge' } } };
      const { type, attachments } = request.json;
      if (type !== 'message' || !Array.isArray(attachments) || attachments.length !== 1)
        return refuse('no message with one attachment');
      const attachment: unknown = attachments[0];
      if (!isObject(attachment) || attachment['contentType'] !== 'application/vnd.microsoft.card.adaptive')
        return refuse('no Adaptive Card');
      const card = attachment['content'];
      if (!isObject(card) || card['type'] !== 'AdaptiveCard' || !/^1\.[0-5]$/.test(String(card['version'])))
        return refuse('no Adaptive Card of a known version');
      const body = card['body'];
      if (!Array.isArray(body) || body.length === 0 || !body.every(isCardElement))
        return refuse('an element that Teams does not know');
      state.push(card);
      return { status: 202 };
    },
  };
}
