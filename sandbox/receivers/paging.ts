import {
  classify,
  isJsonPost,
  isObject,
  isText,
  isTime,
  type Json,
  type Receiver,
  tooMany,
  unknownKeys,
} from './receiver.ts';
import type { SandboxResponse } from '../server.ts';

/** An incident as PagerDuty has it: what triggered it, in order, and whether it was resolved. */
export type Incident = { readonly triggers: Json[]; resolved: boolean };

const pagerdutyKeys = [
  'routing_key',
  'event_action',
  'dedup_key',
  'payload',
  'client',
  'client_url',
  'links',
  'images',
];
const pagerdutyPayloadKeys = [
  'summary',
  'source',
  'severity',
  'timestamp',
  'component',
  'group',
  'class',
  'custom_details',
];

function pagerdutyErrors(event: Json): string[] {
  const errors = unknownKeys(event, pagerdutyKeys).map((key) => `'${key}' is unknown`);
  if (typeof event['routing_key'] !== 'string') errors.push("'routing_key' is missing or blank");
  else if (event['routing_key'].length !== 32)
    errors.push("Length of 'routing_key' is incorrect (should be 32 characters)");
  if (!['trigger', 'acknowledge', 'resolve'].includes(String(event['event_action'])))
    errors.push("'event_action' is missing or invalid");
  if (event['dedup_key'] !== undefined && !isText(event['dedup_key'], 255))
    errors.push("'dedup_key' is too long (should be at most 255 characters)");
  if (event['event_action'] !== 'trigger') {
    if (event['dedup_key'] === undefined) errors.push("'dedup_key' is missing or blank");
    return errors;
  }
  const { payload, links } = event;
  if (!isObject(payload)) return [...errors, "'payload' is missing or blank"];
  errors.push(...unknownKeys(payload, pagerdutyPayloadKeys).map((key) => `'payload.${key}' is unknown`));
  if (!isText(payload['summary'], 1_024)) errors.push("'payload.summary' is missing, blank or too long");
  if (!isText(payload['source'], 1_024)) errors.push("'payload.source' is missing or blank");
  if (!['critical', 'error', 'warning', 'info'].includes(String(payload['severity'])))
    errors.push("'payload.severity' is invalid (must be one of: 'critical', 'warning', 'error' or 'info')");
  if (payload['timestamp'] !== undefined && !isTime(payload['timestamp']))
    errors.push("'payload.timestamp' is not ISO 8601");
  for (const key of ['component', 'group', 'class'])
    if (payload[key] !== undefined && typeof payload[key] !== 'string')
      errors.push(`'payload.${key}' is not a string`);
  if (payload['custom_details'] !== undefined && !isObject(payload['custom_details']))
    errors.push("'payload.custom_details' is not an object");
  if (
    links !== undefined &&
    !(Array.isArray(links) && links.every((link) => isObject(link) && isText(link['href'], 2_048)))
  )
    errors.push("'links' is invalid");
  return errors;
}

/** PagerDuty, Events API v2. `state` is its incidents by dedup key. */
export function pagerdutyReceiver(routingKey: string): Receiver<Map<string, Incident>> {
  const state = new Map<string, Incident>();
  const refuse = (errors: readonly string[]): SandboxResponse => ({
    status: 400,
    json: { status: 'invalid event', message: 'Event object is invalid', errors },
  });
  return {
    state,
    classify,
    tooMany,
    handle: (request) => {
      if (request.path !== '/v2/enqueue') return { status: 404, text: 'Not Found' };
      if (!isJsonPost(request) || !isObject(request.json)) return refuse(['JSON parse error']);
      if (Buffer.byteLength(request.text) > 512 * 1024) return { status: 413, text: 'Too Large' };
      const event = request.json;
      const errors = pagerdutyErrors(event);
      if (errors.length > 0) return refuse(errors);
      if (event['routing_key'] !== routingKey) return refuse(['Invalid routing key']);
      const key = String(event['dedup_key'] ?? `generated-${state.size}`);
      const incident = state.get(key);
      if (event['event_action'] === 'resolve') {
        if (incident !== undefined) incident.resolved = true;
      } else if (incident === undefined || incident.resolved)
        state.set(key, { triggers: [event], resolved: false });
      else incident.triggers.push(event);
      return { status: 202, json: { status: 'success', message: 'Event processed', dedup_key: key } };
    },
  };
}

/** An alert as Opsgenie has it. `count` is how often it was created while open. */
export type OpsgenieAlert = { readonly body: Json; count: number; closed: boolean };

const opsgenieTexts = {
  message: 130,
  alias: 512,
  description: 15_000,
  entity: 512,
  source: 100,
  user: 100,
  note: 25_000,
} as const;

function opsgenieErrors(body: Json): Record<string, string> {
  const errors: Record<string, string> = {};
  const known = [...Object.keys(opsgenieTexts), 'tags', 'details', 'priority', 'responders', 'visibleTo'];
  for (const key of unknownKeys(body, known)) errors[key] = 'is unknown';
  for (const [key, max] of Object.entries(opsgenieTexts))
    if (body[key] !== undefined && !isText(body[key], max)) errors[key] = `should be 1 to ${max} characters`;
  if (body['message'] === undefined) errors['message'] = 'Message can not be empty.';
  const { tags, details, priority } = body;
  if (
    tags !== undefined &&
    !(Array.isArray(tags) && tags.length <= 20 && tags.every((tag) => isText(tag, 50)))
  )
    errors['tags'] = 'should be at most 20 of 50 characters';
  if (
    details !== undefined &&
    !(
      isObject(details) &&
      Object.values(details).every((value) => typeof value === 'string') &&
      Object.entries(details).flat().join('').length <= 8_000
    )
  )
    errors['details'] = 'should be texts of 8000 characters in all';
  if (priority !== undefined && !/^P[1-5]$/.test(String(priority))) errors['priority'] = 'should be P1 to P5';
  return errors;
}

/** Opsgenie's Alert API. `state` is its alerts by alias. */
export function opsgenieReceiver(apiKey: string): Receiver<Map<string, OpsgenieAlert>> {
  const state = new Map<string, OpsgenieAlert>();
  const accepted: SandboxResponse = {
    status: 202,
    json: {
      result: 'Request will be processed',
      took: 0.1,
      requestId: '43a29c5c-3dbf-4fa4-9c26-f4f71023e120',
    },
  };
  const refuse = (status: number, message: string, errors = {}): SandboxResponse => ({
    status,
    json: { message, errors, took: 0.001, requestId: 'rId' },
  });
  return {
    state,
    classify,
    tooMany,
    handle: (request) => {
      const { authorization } = request.headers;
      if (authorization === undefined || !authorization.startsWith('GenieKey '))
        return refuse(401, 'Authorization header is missing');
      if (authorization !== `GenieKey ${apiKey}`) return refuse(403, 'You are not authorized');
      if (!isJsonPost(request) || !isObject(request.json))
        return refuse(422, 'Request body is not processable');
      const errors = opsgenieErrors({
        ...(request.path === '/v2/alerts' ? {} : { message: 'close' }),
        ...request.json,
      });
      if (Object.keys(errors).length > 0) return refuse(422, 'Request body is not processable', errors);
      if (request.path === '/v2/alerts') {
        const alias = String(request.json['alias'] ?? `generated-${state.size}`);
        const alert = state.get(alias);
        if (alert === undefined || alert.closed)
          state.set(alias, { body: request.json, count: 1, closed: false });
        else alert.count++;
        return accepted;
      }
      const close = /^\/v2\/alerts\/([^/]+)\/close$/.exec(request.path);
      if (close === null) return { status: 404, text: 'Not Found' };
      if (request.query.get('identifierType') !== 'alias')
        return refuse(422, 'Identifier is not an alert id');
      const alert = state.get(decodeURIComponent(close[1] ?? ''));
      if (alert !== undefined) alert.closed = true;
      return accepted;
    },
  };
}
