import { timingSafeEqual } from 'node:crypto';
import { digestOf } from '../actions/tokens.ts';
import { isLoopback } from '../config/checks.ts';
import type { CustomerConfig } from '../config/schema.ts';
import { operatorName } from '../config/unusable-file.ts';
import { RollcallError } from '../errors.ts';

/** What a token may do: viewers look, operators act. */
export type Role = 'viewer' | 'operator';

/** A token of one customer's configuration. `name` is what the journal records. */
export type ControlToken = {
  readonly customer: string;
  readonly name: string;
  readonly role: Role;
  readonly token: string;
};

/** Where a service listens and whom it knows. */
export type ControlSettings = {
  readonly listen: string;
  readonly tokens: readonly ControlToken[];
  /** Addresses and ranges of proxies whose X-Forwarded-For is believed. Default: none. */
  readonly trustedProxies?: readonly string[];
  /** Hosts under which browsers reach the pages, besides this machine's own names. Default: none. */
  readonly hosts?: readonly string[];
};

/** What somebody who signed in may do with one customer. */
export type Grant = { readonly name: string; readonly role: Role };

/** What a token opens: one customer, or several whose files have the same token. */
export type Grants = ReadonlyMap<string, Grant>;

/** The shortest token with which other machines may reach the control API, in characters. */
export const shortestTokenOffLoopback = 32;
const defaultListen = '127.0.0.1:7654';

/** What one customer's file says of the control API. */
export type CustomerControl = {
  readonly customer: string;
  readonly control: CustomerConfig['control'];
};

/**
 * The control API of a service with several customers: one address, and the tokens of all of them, each for its own
 * customer. Files that leave `control.listen` out agree with any address. Where the operator's file says where it is, the
 * customers' do not, and the operator's tokens open all customers. Throws CONFIG_INVALID when two files name different
 * addresses.
 */
export function controlSettingsOf(
  customers: readonly CustomerControl[],
  operator: CustomerConfig['control'] | null = null,
): ControlSettings {
  const named = operator === null ? customers.filter(({ control }) => control.listen !== defaultListen) : [];
  const listen = operator?.listen ?? named[0]?.control.listen ?? defaultListen;
  for (const other of named) {
    if (!isElsewhere(listen, other.control)) continue;
    throw new RollcallError(
      'CONFIG_INVALID',
      `${other.customer} wants ${other.control.listen}, and ${named[0]?.customer} ${listen}: one service has one control API.`,
      { place: { key: 'control.listen' }, hint: 'Give it in one file, or the same in all.' },
    );
  }
  return { listen, ...signInsOf(customers, operator) };
}

/** The tokens, proxies and hosts of a service: all of what `controlSettingsOf` has that may change while it runs. */
export function signInsOf(
  customers: readonly CustomerControl[],
  operator: CustomerConfig['control'] | null = null,
): Omit<ControlSettings, 'listen'> {
  const controls = [
    ...customers,
    ...(operator === null ? [] : [{ customer: operatorName, control: operator }]),
  ];
  const everywhere = controls.map(({ customer }) => customer);
  const tokens = controls.flatMap(({ customer, control }) =>
    control.tokens.flatMap(({ name, role, token }) =>
      (customer === operatorName ? everywhere : [customer]).map((opens) => ({
        customer: opens,
        name,
        role,
        token,
      })),
    ),
  );
  return {
    tokens,
    trustedProxies: [...new Set(controls.flatMap(({ control }) => control.trustedProxies))],
    hosts: controls.flatMap(({ control }) =>
      control.publicUrl === undefined ? [] : [new URL(control.publicUrl).host],
    ),
  };
}

/** Whether a customer's file names another address than the one that the service listens on. */
export function isElsewhere(listen: string, control: CustomerConfig['control']): boolean {
  return control.listen !== defaultListen && control.listen !== listen;
}

/** Host and port of `host:port`, the host without the brackets of IPv6. */
export function addressOf(listen: string): {
  readonly host: string;
  readonly port: number;
  readonly loopback: boolean;
} {
  const at = listen.lastIndexOf(':');
  const host = listen.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(listen.slice(at + 1)), loopback: isLoopback(host) };
}

/** Refuses an address that other machines can reach unless every token is long. Throws CONFIG_INVALID. */
export function checkExposure({ listen, tokens }: ControlSettings): void {
  if (addressOf(listen).loopback) return;
  const short = tokens.find(({ token }) => token.length < shortestTokenOffLoopback);
  if (tokens.length > 0 && short === undefined) return;
  throw new RollcallError(
    'CONFIG_INVALID',
    short === undefined
      ? `control.listen (${listen}) is open to other machines, and there is no token.`
      : `control.listen (${listen}) is open to other machines, and the token "${short.name}" of ${short.customer} has fewer than ${shortestTokenOffLoopback} characters.`,
    { hint: 'Make one with: openssl rand -base64 33' },
  );
}

/** Tells whose token a text is, in a time that says nothing about how much of it was right. */
export type TokenBook = {
  /** What the token of that digest (SHA-256, hex) opens. */
  readonly find: (digest: string) => Grants | null;
};

/** All tokens by their digests. One token in several customers' files opens all of them. */
export function createTokenBook(tokens: readonly ControlToken[]): TokenBook {
  const book = new Map<string, { readonly digest: Buffer; readonly grants: Map<string, Grant> }>();
  for (const { customer, name, role, token } of tokens) {
    const entry = book.get(token) ?? {
      digest: Buffer.from(digestOf(token), 'hex'),
      grants: new Map<string, Grant>(),
    };
    entry.grants.set(customer, { name, role });
    book.set(token, entry);
  }
  const entries = [...book.values()];
  return {
    find: (digest) => {
      const given = Buffer.from(digest, 'hex');
      let found: Grants | null = null;
      // Every entry is compared, so that the time does not tell which one was right.
      for (const entry of entries) if (timingSafeEqual(entry.digest, given)) found = entry.grants;
      return found;
    },
  };
}
