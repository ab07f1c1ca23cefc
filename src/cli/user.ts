import { userInfo } from 'node:os';

/**
 * Who sits at the command line, for the journal: the operating system's user of this process, not what the environment says.
 * Of root by way of sudo, who that was, as sudo says. Undefined where the system has no name for the user.
 */
export function userOfProcess(
  env: Readonly<Record<string, string | undefined>>,
  nameOf: () => string = () => userInfo().username,
): string | undefined {
  try {
    const name = nameOf();
    const before = env['SUDO_USER'];
    return name === 'root' && before !== undefined && before !== '' ? `${before} as root` : name;
  } catch {
    return undefined;
  }
}
