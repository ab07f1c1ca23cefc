import { RollcallError } from '../errors.ts';
import { nearest } from '../config/nearest.ts';
import type { ProviderSettingsRegistry } from '../config/registry.ts';

/** A platform as a first configuration has it: what its provider cannot do without, secrets as `${NAME}`. */
export type FirstPlatform = {
  readonly name: string;
  readonly provider: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly comments: readonly string[];
};

/** Where a vendor has two ways to sign in, the one that is written; keys that their schema does not require by themselves. */
const signIn: Readonly<Record<string, readonly string[]>> = { mimecast: ['clientId', 'clientSecret'] };

/**
 * A platform from `PROVIDER` or `NAME=PROVIDER`.
 *
 * @throws RollcallError USAGE
 */
export function firstPlatform(
  text: string,
  registry: ProviderSettingsRegistry,
  baseUrl: string | undefined,
): FirstPlatform {
  const [name = '', provider = name] = text.split('=', 2).map((part) => part.trim());
  const known = registry[provider];
  if (known === undefined) {
    const near = nearest(provider, Object.keys(registry));
    throw new RollcallError('USAGE', `there is no provider "${provider}".`, {
      hint: `${near === undefined ? '' : `Did you mean ${near}? `}There are ${Object.keys(registry).join(', ')}.`,
    });
  }
  const { shape } = known.settings;
  const required = Object.keys(shape).filter(
    (key) => key !== 'provider' && shape[key]?.safeParse(undefined).success === false,
  );
  const keys = [...required, ...(signIn[provider] ?? []).filter((key) => !required.includes(key))];
  const settings: Record<string, string> = {};
  const comments: string[] = [];
  if (baseUrl !== undefined) settings['baseUrl'] = baseUrl;
  for (const key of keys) {
    if (key === 'baseUrl') settings[key] ??= `https://${provider}.example`;
    else settings[key] = `\${${variableOf(provider, key)}}`;
  }
  if (keys.includes('baseUrl') && baseUrl === undefined)
    comments.push('baseUrl is an example: the address of your tenant belongs there');
  return { name, provider, settings, comments };
}

/** `apiKey` of `sparkwise` as `SPARKWISE_API_KEY`. */
function variableOf(provider: string, key: string): string {
  return `${provider}_${key.replace(/([a-z])([A-Z])/g, '$1_$2')}`.toUpperCase();
}
