import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import type { PackageRegistry } from './registry.ts';

/** The environment of a user with a home of their own, whose npm and pnpm know this registry and no other. */
export async function userOf({ url, token }: PackageRegistry, home: string): Promise<Record<string, string>> {
  await mkdir(home, { recursive: true });
  const settings = {
    registry: url,
    [`//${new URL(url).host}/:_authToken`]: token,
    cache: join(home, 'npm-cache'),
    audit: false,
    fund: false,
    'update-notifier': false,
  };
  const userconfig = join(home, '.npmrc');
  await writeFile(
    userconfig,
    Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const { PATH = '', TMPDIR } = process.env;
  // pnpm keeps what it installed below these, npm where its cache is.
  return {
    PATH: `${dirname(process.execPath)}${delimiter}${PATH}`,
    HOME: home,
    XDG_CACHE_HOME: join(home, '.cache'),
    XDG_DATA_HOME: join(home, '.local', 'share'),
    XDG_STATE_HOME: join(home, '.local', 'state'),
    XDG_CONFIG_HOME: join(home, '.config'),
    ...(TMPDIR !== undefined && { TMPDIR }),
    npm_config_userconfig: userconfig,
    // Changesets asks this variable where to publish, and npmjs.org when there is none.
    npm_config_registry: url,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_NAME: 'Rehearsal',
    GIT_AUTHOR_EMAIL: 'rehearsal@localhost',
    GIT_COMMITTER_NAME: 'Rehearsal',
    GIT_COMMITTER_EMAIL: 'rehearsal@localhost',
    NO_COLOR: '1',
  };
}
