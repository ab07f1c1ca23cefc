import { access, readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, resolve } from 'node:path';
import type { Scalar } from 'yaml';
import type { ConfigDocument } from './document.ts';
import type { ConfigIssue } from './issues.ts';

/** `$${` first: it is the escape. A `${` that nothing closes is the last alternative. */
const references = /\$\$\{|\$\{([^}]*)\}|\$\{/g;
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

type Found = { readonly value: string; readonly reference: string };
type Missing = { readonly missing: string };

/**
 * Fills in `${NAME}` (an environment variable) and `${file:PATH}` (a file, relative to the configuration's folder,
 * without one newline at its end) in every string of the document, several in one string if need be; `$${` stands for
 * `${` itself. What is filled in is not looked at again. Returns what is missing or malformed; `placeholder` stands where
 * it is missing.
 */
export async function interpolate(
  document: ConfigDocument,
  path: string,
  env: Readonly<Record<string, string | undefined>>,
  placeholder = '',
): Promise<readonly ConfigIssue[]> {
  const issues: ConfigIssue[] = [];
  for (const scalar of document.values()) {
    if (typeof scalar.value === 'string' && scalar.value.includes('${')) {
      issues.push(...(await fillScalar(document, scalar, scalar.value, dirname(path), env, placeholder)));
    }
  }
  return issues;
}

async function fillScalar(
  document: ConfigDocument,
  scalar: Scalar,
  source: string,
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
  placeholder: string,
): Promise<readonly ConfigIssue[]> {
  const issues: ConfigIssue[] = [];
  const secrets: Found[] = [];
  let text = '';
  let end = 0;
  for (const match of source.matchAll(references)) {
    text += source.slice(end, match.index);
    end = match.index + match[0].length;
    if (match[0] === '$${') {
      text += '${';
      continue;
    }
    const name = match[1]?.trim() ?? '';
    if (!name.startsWith('file:') && !variableName.test(name)) {
      // What is between the braces may be a piece of a secret, so it is not repeated.
      const message = `this is no reference: write \${NAME} or \${file:PATH}, or $\${ for the characters themselves`;
      issues.push(document.scalarIssue(scalar, message));
      continue;
    }
    const found = name.startsWith('file:')
      ? await readSecretFile(name.slice('file:'.length).trim(), folder, env)
      : await readVariable(name, env, folder);
    if ('missing' in found) {
      issues.push(document.scalarIssue(scalar, found.missing, 'CONFIG_SECRET_MISSING'));
      text += placeholder;
    } else {
      text += found.value;
      secrets.push(found);
    }
  }
  document.fill(scalar, text + source.slice(end), secrets);
  return issues;
}

async function readVariable(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
): Promise<Found | Missing> {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined) {
    const beside = await access(resolve(folder, '.env')).then(
      () => '; the file .env beside the configuration is not read by itself: set -a; . ./.env; set +a',
      () => '',
    );
    return { missing: `the environment variable ${name} is not set${beside}` };
  }
  if (value === '') return { missing: `the environment variable ${name} is empty` };
  return { value, reference: `\${${name}}` };
}

async function readSecretFile(
  path: string,
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Found | Missing> {
  const file = resolve(folder, path);
  const credential = credentialOf(path, env);
  try {
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      if (credential === undefined) throw error;
      // What is said of a secret that is nowhere is said of where it was written to be.
      return readFile(credential, 'utf8').catch(() => Promise.reject(error));
    });
    const value = text.replace(/\r?\n$/, '');
    return value === ''
      ? { missing: `the secret file ${file} is empty` }
      : { value, reference: `\${file:${path}}` };
  } catch (error) {
    return { missing: `the secret file ${file} ${readProblem(error)}` };
  }
}

/**
 * Where systemd keeps the same secret for this process alone (systemd.exec(5), LoadCredential=FOLDER:PATH/FOLDER): files of a
 * folder are called FOLDER_NAME there.
 */
function credentialOf(path: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const folder = env['CREDENTIALS_DIRECTORY'];
  if (folder === undefined || folder === '' || isAbsolute(path)) return undefined;
  return join(folder, normalize(path).replaceAll(/[\\/]/g, '_'));
}

/** Why a file could not be read, in words. */
export function readProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this user';
  if (code === 'EISDIR') return 'is a folder, not a file';
  return `cannot be read (${code === '' ? 'unknown reason' : code})`;
}
