import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  classify,
  isJsonPost,
  isObject,
  isText,
  isTime,
  type Json,
  type Receiver,
  tooMany,
} from './receiver.ts';

export type { Receiver } from './receiver.ts';
export {
  type MailOptions,
  type MailReceiver,
  type ReceivedMail,
  startMailReceiver,
} from './mail.ts';
export { slackReceiver, teamsReceiver } from './chat.ts';
export {
  type Incident,
  type OpsgenieAlert,
  opsgenieReceiver,
  pagerdutyReceiver,
} from './paging.ts';

/** How old a signature may be: what the documentation tells receivers to refuse. */
const webhookToleranceS = 300;

/** A receiver of signed webhooks, checking them as the documentation tells others to. `state` is the bodies taken. */
export function webhookReceiver(secret: string, now: () => number = Date.now): Receiver<Json[]> {
  const state: Json[] = [];
  return {
    state,
    classify,
    tooMany,
    handle: (request) => {
      const timestamp = request.headers['x-rollcall-timestamp'] ?? '';
      const signature = request.headers['x-rollcall-signature'] ?? '';
      if (!/^\d{10}$/.test(timestamp)) return { status: 401, text: 'timestamp' };
      if (Math.abs(now() / 1_000 - Number(timestamp)) > webhookToleranceS)
        return { status: 401, text: 'timestamp too old' };
      const hmac = createHmac('sha256', secret).update(`${timestamp}.${request.text}`).digest('hex');
      const wanted = Buffer.from(`sha256=${hmac}`);
      const given = Buffer.from(signature);
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
        return { status: 401, text: 'signature' };
      if (!isJsonPost(request) || !isObject(request.json)) return { status: 400, text: 'body' };
      const body = request.json;
      const fields = ['id', 'event', 'key', 'kind', 'severity', 'title', 'summary', 'customer', 'runbook'];
      if (body['version'] !== 1 || !fields.every((field) => isText(body[field], 10_000)))
        return { status: 400, text: 'fields' };
      if (!isTime(body['since']) || !isTime(body['at']) || !isObject(body['details']))
        return { status: 400, text: 'fields' };
      state.push(body);
      return { status: 204 };
    },
  };
}
