import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { PeerCertificate, TLSSocket } from 'node:tls';

/** Where a certificate was shown: a server, and whether it takes mail and is asked for TLS first (RFC 3207). */
export type TlsServer = { readonly host: string; readonly port: number; readonly starttls: boolean };

/** Until when the certificate of a server is good, as it was last seen. */
export type SeenCertificate = TlsServer & {
  /** As it is called: `api.example.com`, `mail.example.com:587`. */
  readonly name: string;
  readonly untilMs: number;
};

/** The certificates of the servers that this process talks to over TLS. */
export type Certificates = {
  readonly seen: () => readonly SeenCertificate[];
  readonly stop: () => void;
};

/** Servers that are remembered: more of them are not servers that somebody configured. */
const mostServers = 5_000;
/** Port of HTTPS, which an address does not name. */
const httpsPort = 443;

/** What undici publishes of each connection that it made (https://undici.nodejs.org/#/docs/api/DiagnosticsChannel). */
const connectedName = 'undici:client:connected';
const showedName = 'rollcall:tls:showed';
const showed = channel(showedName);
type Showed = { readonly server: TlsServer; readonly certificate: Partial<PeerCertificate> };

/** Tells of the certificate of a connection that is no HTTPS. */
export function noteCertificate(server: TlsServer, certificate: Partial<PeerCertificate>): void {
  showed.publish({ server, certificate } satisfies Showed);
}

/**
 * Remembers the certificates of connections that are made anyway (platforms, rosters, alerts): Node's fetch names each one that
 * it opens, and whoever speaks TLS by other means notes it. Nothing is connected to for this.
 */
export function watchCertificates(): Certificates {
  const seen = new Map<string, SeenCertificate>();
  const note = (server: TlsServer, certificate: Partial<PeerCertificate>): void => {
    // A session that was taken up again brings none.
    const untilMs = Date.parse(certificate.valid_to ?? '');
    if (!Number.isFinite(untilMs)) return;
    const name = nameOf(server);
    if (seen.size >= mostServers && !seen.has(name)) seen.clear();
    seen.set(name, { ...server, name, untilMs });
  };
  const onConnected = (message: unknown): void => {
    const { connectParams, socket } = message as {
      readonly connectParams?: { readonly hostname?: string; readonly port?: string | number };
      readonly socket?: Partial<TLSSocket>;
    };
    const host = connectParams?.hostname;
    if (host === undefined || socket?.getPeerCertificate === undefined) return;
    const port = Number(connectParams?.port) || httpsPort;
    note({ host, port, starttls: false }, socket.getPeerCertificate());
  };
  const onShowed = (message: unknown): void => {
    const { server, certificate } = message as Showed;
    note(server, certificate);
  };
  subscribe(connectedName, onConnected);
  subscribe(showedName, onShowed);
  return {
    seen: () => [...seen.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    stop: () => {
      unsubscribe(connectedName, onConnected);
      unsubscribe(showedName, onShowed);
    },
  };
}

function nameOf({ host, port }: TlsServer): string {
  return port === httpsPort ? host : `${host}:${port}`;
}
