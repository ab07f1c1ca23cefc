import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** A mail as the server took it. `raw` is the whole message, headers included. */
export type ReceivedMail = {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | undefined;
  readonly encrypted: boolean;
  readonly raw: string;
};

export type MailOptions = {
  /** Requires this login, and STARTTLS before it. Without: anyone may send. */
  readonly login?: { readonly user: string; readonly pass: string };
  /** Offers no STARTTLS. */
  readonly plain?: boolean;
  /** PEM; default: a self-signed one that nobody trusts. */
  readonly certificate?: { readonly key: string; readonly cert: string };
  /** Called for each recipient; a reply code refuses it. */
  readonly refuse?: (address: string) => number | undefined;
};

export type MailReceiver = {
  /** `host:port`, for an `smtp://` address. */
  readonly address: string;
  readonly mails: readonly ReceivedMail[];
  /** Logins tried, good ones too. */
  readonly logins: () => number;
  readonly close: () => Promise<void>;
};

function reply(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}

/** Starts a local SMTP server. Loopback only. */
export async function startMailReceiver(options: MailOptions = {}): Promise<MailReceiver> {
  const mails: ReceivedMail[] = [];
  let logins = 0;
  const { login, refuse } = options;
  const server = new SMTPServer({
    authOptional: login === undefined,
    disabledCommands: [
      ...(login === undefined ? ['AUTH'] : []),
      ...(options.plain === true ? ['STARTTLS'] : []),
    ],
    ...options.certificate,
    disableReverseLookup: true,
    closeTimeout: 100,
    // Silences its warning about the built-in certificate, which is good enough on loopback.
    logger: false,
    onAuth: (auth, _session, done) => {
      logins++;
      if (login !== undefined && auth.username === login.user && auth.password === login.pass)
        done(null, { user: auth.username });
      else done(reply(535, `Authentication failed for ${auth.username}`));
    },
    onRcptTo: (to, _session, done) => {
      const code = refuse?.(to.address);
      done(code === undefined ? null : reply(code, `<${to.address}>: recipient refused`));
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map((recipient) => recipient.address),
          user: typeof session.user === 'string' ? session.user : undefined,
          encrypted: session.secure,
          raw: Buffer.concat(chunks).toString('utf8'),
        });
        done();
      });
    },
  });
  // A client that gives up on a certificate is the client's business.
  server.on('error', () => {});
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const { port } = server.server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    mails,
    logins: () => logins,
    close: () => new Promise((done) => server.close(() => done())),
  };
}
