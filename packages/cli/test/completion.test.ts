import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually } from '@micro/core/conformance';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runMicro, startHelloworld, type TestService } from './support.ts';

/** A shell as a script has it, with `micro` on its path. What it prints is what Tab would have offered. */
const SHELLS = {
  bash: {
    args: ['--norc', '-c'],
    complete: (words: readonly string[]) => `
      set -eu
      source <(micro completion bash)
      COMP_WORDS=(micro ${words.join(' ')})
      COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
      _micro
      printf '%s\\n' "\${COMPREPLY[@]}"`,
  },
  zsh: {
    args: ['-f', '-c'],
    complete: (words: readonly string[]) => `
      set -eu
      autoload -U compinit && compinit -u -D
      source <(micro completion zsh)
      [[ "\${_comps[micro]}" == _micro ]]
      _describe() { local -a given; given=("\${(@P)2}"); print -l -- "\${given[@]%%:*}" }
      words=(micro ${words.join(' ')})
      CURRENT=\${#words}
      _micro`,
  },
  fish: {
    args: ['--no-config', '-c'],
    complete: (words: readonly string[]) => `
      micro completion fish | source
      complete --do-complete 'micro ${words.join(' ').replaceAll("''", '')}' | string split --fields 1 (printf '\\t')`,
  },
} as const;

function required(shell: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const there = folders.some((folder) => accessible(join(folder, shell)));
  return there || process.env.CI ? undefined : `${shell} is not installed`;
}

function accessible(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A registry has but a moment to answer, which may be too short on a machine that is busy: then Tab is pressed again. */
const soon = (check: () => Promise<void>) => eventually(check, { timeoutMs: 60_000 });

let folder: string;
let helloworld: TestService;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'micro-completion-'));
  const bin = fileURLToPath(new URL('../dist/micro.js', import.meta.url));
  await writeFile(join(folder, 'micro'), `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`);
  await chmod(join(folder, 'micro'), 0o755);
  helloworld = await startHelloworld();
});

afterAll(async () => {
  await helloworld.service.stop();
  await rm(folder, { recursive: true });
});

describe.each(Object.entries(SHELLS))('%s', (shell, { args, complete }) => {
  const missing = required(shell);

  async function offered(...words: readonly string[]): Promise<readonly string[]> {
    const env = { ...process.env, ...helloworld.env, PATH: `${folder}${delimiter}${process.env.PATH}`, HOME: folder };
    const { stdout, stderr } = await promisify(execFile)(shell, [...args, complete(words)], { env, timeout: 60_000 });
    expect(stderr).toBe('');
    return stdout.trim().split('\n');
  }

  test.skipIf(missing !== undefined)(
    `loads the script and completes commands, flags, services and endpoints${missing === undefined ? '' : ` (skipped: ${missing})`}`,
    async () => {
      expect(await offered('serv')).toEqual(['services']);
      await soon(async () => expect(await offered('call', "''")).toContain('helloworld'));
      await soon(async () => expect(await offered('call', 'hello')).toEqual(['helloworld']));
      await soon(async () =>
        expect(await offered('call', 'helloworld', 'Helloworld.C')).toEqual([
          'Helloworld.Call',
          'Helloworld.ClientStream',
        ]),
      );
      expect(await offered('services', '--registry_')).toEqual(['--registry_address']);
    },
  );
});

test('flags on the line choose the registry that is asked', async () => {
  const { MICRO_REGISTRY_ADDRESS: address = '' } = helloworld.env;
  await soon(async () => {
    const { stdout } = await runMicro(['__complete', '--', 'call', '--registry_address', address, 'hello']);
    expect(stdout).toBe('helloworld\tservice\n');
  });
});

test('a registry that cannot be asked completes nothing and says nothing', async () => {
  const line = ['call', '--registry', 'etcd', 'hello'];
  expect(await runMicro(['__complete', '--', ...line])).toEqual({ stdout: '', stderr: '', code: 0 });
});

test('help does not list what only shells ask', async () => {
  const { stdout } = await runMicro(['--help']);
  expect(stdout).toContain('completion');
  expect(stdout).not.toContain('__complete');
});

test('an unknown shell is a usage error that lists those there are', async () => {
  const { code, stderr } = await runMicro(['completion', 'tcsh']);
  expect(code).toBe(2);
  expect(stderr).toContain('bash, zsh, fish');
});
