import { createHash } from 'node:crypto';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { createTransport } from 'nodemailer';
import { noteCertificate } from '../../jobs/service/certificates.ts';
import { type AlertMessage, headline, plainText } from '../message.ts';
import type { SendResult } from '../retry.ts';
import { truncate } from '../text.ts';
import type { Channel, ConfigOf } from './channel.ts';

/** Time for the connection, the greeting, and each answer of the server. */
const smtpTimeoutMs = 10_000;
const longestSubject = 200;

/** Where and how to hand mail over, as read from the `smtp` address. */
export type SmtpTarget = {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (`smtps`); otherwise STARTTLS when the server offers it. */
  readonly secure: boolean;
  /** Refuse to go on without TLS. The default when there is a password, so that none crosses a wire in the clear. */
  readonly requireTLS: boolean;
  readonly rejectUnauthorized: boolean;
  readonly auth?: { readonly user: string; readonly pass: string };
};

/**
 * Reads `smtp://user:password@host:587` or `smtps://…`; special characters are percent-encoded. Options after `?`:
 * `requireTLS=false` allows a password without TLS, `tls.rejectUnauthorized=false` any certificate. Undefined when it
 * is no such address.
 */
export function parseSmtp(address: string): SmtpTarget | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  if ((url.protocol !== 'smtp:' && url.protocol !== 'smtps:') || url.hostname === '') return undefined;
  const secure = url.protocol === 'smtps:';
  const requireTls = url.searchParams.get('requireTLS');
  try {
    const user = decodeURIComponent(url.username);
    const pass = decodeURIComponent(url.password);
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    return {
      host,
      port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
      secure,
      requireTLS: !secure && (requireTls === null ? user !== '' : requireTls !== 'false'),
      rejectUnauthorized: url.searchParams.get('tls.rejectUnauthorized') !== 'false',
      ...(user === '' ? {} : { auth: { user, pass } }),
    };
  } catch {
    return undefined;
  }
}

/** Mails of one state form a thread: all refer to an id made of the state's key and beginning. */
function threadId(message: AlertMessage, domain: string): string {
  const hash = createHash('sha256').update(`${message.key} ${message.sinceMs}`).digest('hex').slice(0, 32);
  return `<${hash}@${domain}>`;
}

/** A failure without the server's words: they quote recipients. Replies 4xx and broken connections pass. */
function describe(error: unknown): SendResult {
  const facts = error instanceof Error ? (error as Error & { code?: unknown; responseCode?: unknown }) : {};
  const code = 'code' in facts && typeof facts.code === 'string' ? facts.code : 'failed';
  const reply = 'responseCode' in facts && typeof facts.responseCode === 'number' ? facts.responseCode : 0;
  const said = reply === 0 ? code : `${code}, reply ${reply}`;
  const passing = reply === 0 ? code !== 'EAUTH' && code !== 'ENOAUTH' && code !== 'ETLS' : reply < 500;
  return { ok: false, error: `SMTP: ${said}`, retry: passing };
}

/** E-mail by SMTP: plain text, one connection a message. */
export function createEmail(config: ConfigOf<'email'>): Channel {
  const target = parseSmtp(config.smtp);
  const to = typeof config.to === 'string' ? [config.to] : config.to;
  const domain = /@([A-Za-z0-9.-]+)>?\s*$/.exec(config.from)?.[1] ?? 'rollcall.invalid';
  return {
    send: async (message) => {
      if (target === undefined)
        return { ok: false, error: 'smtp is no smtp:// or smtps:// address', retry: false };
      const { rejectUnauthorized, auth, ...rest } = target;
      const transport = createTransport({
        ...rest,
        ...(auth === undefined ? {} : { auth: { ...auth } }),
        tls: {
          rejectUnauthorized,
          // Called once the certificate is proven; where any is taken, one that ends stops nothing.
          checkServerIdentity: (host: string, certificate: PeerCertificate) => {
            noteCertificate({ host: target.host, port: target.port, starttls: !target.secure }, certificate);
            return checkServerIdentity(host, certificate);
          },
        },
        connectionTimeout: smtpTimeoutMs,
        greetingTimeout: smtpTimeoutMs,
        socketTimeout: smtpTimeoutMs,
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      const thread = threadId(message, domain);
      const ids =
        message.event === 'begin' ? { messageId: thread } : { inReplyTo: thread, references: thread };
      try {
        const { rejected } = await transport.sendMail({
          from: config.from,
          to,
          subject: truncate(headline(message), longestSubject),
          text: plainText(message),
          headers: { 'Auto-Submitted': 'auto-generated', 'X-Rollcall-Alert': message.kind },
          ...ids,
        });
        // Some have it, so it counts as delivered: sending again would tell them twice.
        return rejected.length === 0
          ? { ok: true }
          : { ok: true, note: `${rejected.length} of ${to.length} recipients were refused` };
      } catch (error) {
        return describe(error);
      } finally {
        transport.close();
      }
    },
  };
}
