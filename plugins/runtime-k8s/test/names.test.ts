import type { CreateOptions } from '@micro/core';
import { MicroError } from '@micro/core';
import { describe, expect, test } from 'vitest';
import { formatName, namesOf } from '../src/names.ts';
import { planOf } from '../src/plan.ts';
import { expand } from './expand.ts';

const GREETER = { name: 'greeter', version: '1.0.0', metadata: {} };

function refused(run: () => unknown): MicroError {
  try {
    run();
  } catch (error) {
    if (error instanceof MicroError) return error;
    throw error;
  }
  throw new Error('it should have been refused');
}

describe('the names of objects', () => {
  test('are formatted as go-micro formats them', () => {
    expect(formatName('Go.Micro.Greeter')).toBe('go-micro-greeter');
    expect(namesOf({ name: 'Go.Micro', version: 'v1.2' })).toEqual({
      object: 'go-micro-v1-2',
      container: 'go-micro',
      labels: { name: 'go-micro', version: 'v1-2', micro: 'service' },
    });
  });

  test.each([
    ['more than 63 letters', 'x'.repeat(64), '1'],
    ['more than 63 with the version', 'x'.repeat(62), '1'],
    ['an underscore', 'a_b', '1'],
    ['a plus', 'a', '1+2'],
    ['a dot at the end', 'a.', '1'],
    ['a digit at the beginning, which a Service may not have', '1a', '1'],
    ['a letter that is no ASCII', 'größe', '1'],
    ['a line break', 'a\nb', '1'],
    ['a second term for a selector', 'a,name=b', '1'],
  ])('cannot have %s', (_, name, version) => {
    const { code, detail } = refused(() => namesOf({ name, version }));
    expect(code).toBe(400);
    expect(detail).toMatch(/^[^\n]+$/);
  });

  test('have no namespace but one that Kubernetes can have, as it was given', () => {
    expect(planOf(GREETER, { namespace: 'shop-2' }, 'default').namespace).toBe('shop-2');
    for (const namespace of ['', 'My.Ns', 'a/b', '../kube-system', 'x'.repeat(64)]) {
      expect(refused(() => planOf(GREETER, { namespace }, 'default')).code).toBe(400);
    }
  });
});

describe('what is asked for', () => {
  test.each([
    'name',
    'version',
    'source',
    'owner',
    'group',
    'updated',
    'deployment.kubernetes.io/revision',
    'kubernetes.io/x',
    'x.k8s.io/y',
    'micro.mu/instance',
    'two words',
    'a/b/c',
    '',
    'x'.repeat(64),
    '/a',
  ])('has no metadata %j, which would say something else', (key) => {
    expect(refused(() => planOf({ ...GREETER, metadata: { [key]: 'x' } }, {}, 'default')).code).toBe(400);
  });

  test('has metadata with hosts of its own, and with names that mean something to JavaScript', () => {
    const metadata = Object.fromEntries([
      ['example.com/team', '"red": blue\n---'],
      ['constructor', 'x'],
    ]);
    expect(planOf({ ...GREETER, metadata }, {}, 'default').workload.metadata).toEqual(metadata);
  });

  test.each<[string, CreateOptions]>([
    ['retries', { retries: 0 }],
    ['an empty command', { command: [] }],
    ['an argument with NUL', { args: ['a\0'] }],
    ['a variable with = in its name', { env: { 'A=B': 'hunter2' } }],
    ['a variable without a name', { env: { '': 'hunter2' } }],
    ['a variable with NUL', { env: { A: 'hunter2\0' } }],
    ['an image with a space', { image: 'a b' }],
  ])('cannot be %s, and a refusal shows no value of a variable', (_, options) => {
    const { code, detail } = refused(() => planOf(GREETER, options, 'default'));
    expect(code).toBe(400);
    expect(detail).not.toContain('hunter2');
  });

  test.each(['$HOME', '$(HOME)', '$$', '$$(HOME)', '$', '$$$', '$(', 'a=b=c', '"`id`"', "it's $1"])(
    'arrives as it is: %j',
    (text) => {
      const { command, args, env } = planOf(GREETER, { command: [text], args: [text], env: { A: text } }, 'default');
      const variables = new Map([['HOME', '/root']]);
      for (const sent of [command?.[0], args?.[0], env?.get('A')]) expect(expand(sent ?? '', variables)).toBe(text);
    },
  );
});
