import { RollcallError } from '../errors.ts';

/** Where a first configuration fetches its roster from, as it will stand in the file: secrets by their names. */
export type FirstSource = {
  readonly source: Readonly<Record<string, string | number | Readonly<Record<string, string>>>>;
  /** What the address is called in the text for people. */
  readonly host: string;
};

export type FirstSourceFlags = {
  /** SFTP: the fingerprint of the host key, as ssh-keygen shows it. */
  readonly hostKey: string | undefined;
  /** SFTP: a private key instead of a password. */
  readonly sshKey: string | undefined;
  /** HTTPS: a token instead of user and password. */
  readonly token: boolean;
};

/** Stands for a host key that is not known yet: no server has it, and the refusal says which one it has. */
const unknownHostKey = `SHA256:${'A'.repeat(43)}`;

function reference(name: string): string {
  return `\${${name}}`;
}

/** What unlocks a private key. */
export const passphraseReference = reference('PGP_PASSPHRASE');

/** A file's content as a secret. */
export function fileReference(path: string): string {
  return `\${file:${path}}`;
}

function usage(what: string, hint: string): RollcallError {
  return new RollcallError('USAGE', what, { hint });
}

/**
 * The source that an address names (`sftp://USER@HOST/PATH`, `https://…`, `s3://BUCKET/KEY?region=…`); null of what is none,
 * and so the path of a file.
 *
 * @throws RollcallError USAGE
 */
export function firstSource(address: string, flags: FirstSourceFlags): FirstSource | null {
  if (!/^(sftp|https?|s3):\/\//i.test(address)) return null;
  const url = URL.canParse(address) ? new URL(address) : null;
  // What cannot be parsed may hold a password: it is not shown.
  if (url === null) throw usage('that is no address.', 'Such as sftp://USER@HOST/out/roster-*.csv.');
  if (url.password !== '')
    throw usage(
      'the address has a password in it.',
      'Leave it out: the configuration takes it from the environment, and so does this command.',
    );
  const path = decodeURIComponent(url.pathname);
  switch (url.protocol) {
    case 'sftp:': {
      if (url.username === '') throw usage('the address says no user.', 'Write sftp://USER@HOST/PATH.');
      const credential: Record<string, string> =
        flags.sshKey === undefined
          ? { password: reference('SFTP_PASSWORD') }
          : { privateKey: fileReference(flags.sshKey) };
      return {
        host: url.host,
        source: {
          type: 'sftp',
          host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
          ...(url.port === '' ? {} : { port: Number(url.port) }),
          user: decodeURIComponent(url.username),
          ...credential,
          hostKey: flags.hostKey ?? unknownHostKey,
          path,
        },
      };
    }
    case 's3:': {
      const region = url.searchParams.get('region');
      const endpoint = url.searchParams.get('endpoint');
      return {
        host: url.host,
        source: {
          type: 's3',
          bucket: url.host,
          path: path.replace(/^\//, ''),
          ...(region === null ? {} : { region }),
          ...(endpoint === null ? {} : { endpoint }),
          accessKeyId: reference('AWS_ACCESS_KEY_ID'),
          secretAccessKey: reference('AWS_SECRET_ACCESS_KEY'),
        },
      };
    }
    default: {
      const user = decodeURIComponent(url.username);
      url.username = '';
      const auth: Record<string, string> | undefined = flags.token
        ? { token: reference('HR_TOKEN') }
        : user === ''
          ? undefined
          : { user, password: reference('HR_PASSWORD') };
      return {
        host: url.host,
        source: { type: 'https', url: url.href, ...(auth === undefined ? {} : { auth }) },
      };
    }
  }
}
