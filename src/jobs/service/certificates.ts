import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { TLSSocket } from 'node:tls';

/** Until when the certificate of a host is good, as it was last seen. */
export type SeenCertificate = { readonly host: string; readonly untilMs: number };

/** The certificates of the hosts that this process talks to over TLS. */
export type Certificates = {
  readonly seen: () => readonly SeenCertificate[];
  readonly stop: () => void;
};

/** Hosts that are remembered: more of them are not hosts that somebody configured. */
const mostHosts = 5_000;

/**
 * Remembers the certificates of connections that are made anyway (platforms, rosters, alerts): Node's fetch names each one that
 * it opens. Nothing is connected to for this.
 */
export function watchCertificates(): Certificates {
  const untilMs = new Map<string, number>();
  const onConnected = (message: unknown): void => {
    const { connectParams, socket } = message as {
      readonly connectParams?: { readonly hostname?: string };
      readonly socket?: Partial<TLSSocket>;
    };
    const host = connectParams?.hostname;
    if (host === undefined || socket?.getPeerCertificate === undefined) return;
    // A session that was taken up again brings none.
    const until = Date.parse(socket.getPeerCertificate().valid_to ?? '');
    if (!Number.isFinite(until)) return;
    if (untilMs.size >= mostHosts && !untilMs.has(host)) untilMs.clear();
    untilMs.set(host, until);
  };
  subscribe('undici:client:connected', onConnected);
  return {
    seen: () =>
      [...untilMs]
        .map(([host, until]) => ({ host, untilMs: until }))
        .toSorted((a, b) => (a.host < b.host ? -1 : 1)),
    stop: () => void unsubscribe('undici:client:connected', onConnected),
  };
}
