import { DockerfileParser } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { PACKAGE_MANAGERS } from '../../src/project/package-manager.ts';
import { serviceOf } from './service-of.ts';

const IMAGES = PACKAGE_MANAGERS.flatMap((packageManager) =>
  [[], ['postgres' as const]].map((more) => ({ packageManager, more })),
);

test.each(IMAGES)('a linter has nothing to say about the Dockerfile for $packageManager and $more', async (image) => {
  const text = await dockerfileOf(image);
  expect(validate(text).map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual([]);
});

test.each(IMAGES)(
  'the image for $packageManager and $more has what runs, a user without rights, and no shell',
  async (image) => {
    const text = await dockerfileOf(image);
    const all = DockerfileParser.parse(text).getInstructions();
    const last = all.slice(all.findLastIndex((instruction) => instruction.getKeyword() === 'FROM'));
    const said = (keyword: string) =>
      last.filter((one) => one.getKeyword() === keyword).map((one) => one.getArgumentsContent() ?? '');
    expect(said('RUN')).toEqual([]);
    expect(said('USER')).toEqual(['node']);
    expect(said('EXPOSE')).toEqual(['8080']);
    expect(said('ENV')).toContain('MICRO_SERVER_ADDRESS=:8080');
    expect(said('CMD').map((command) => JSON.parse(command))).toEqual([
      ['node', '--enable-source-maps', 'dist/main.js'],
    ]);
    expect(said('COPY').map((copied) => copied.split('/app/')[1]?.split(' ')[0])).toEqual([
      ...['package.json', 'node_modules', 'dist'],
      ...(image.more.length === 0 ? [] : ['migrations']),
    ]);
  },
);

test('the image has the Node that the project asks for', async () => {
  const tree = await serviceOf({ features: ['docker'] });
  const images = [...(tree.get('Dockerfile') ?? '').matchAll(/^FROM (node:\S+)/gm)].map(([, image]) => image);
  expect(new Set(images)).toEqual(new Set([`node:${tree.get('.nvmrc')?.trim()}-slim`]));
});

test('what the image is built of is not ignored, and secrets are', async () => {
  const tree = await serviceOf({ proto: true, features: ['docker', 'postgres', 'kustomize'] });
  const ignored = new Set(tree.get('.dockerignore')?.trim().split('\n'));
  for (const needed of [
    'package.json',
    'package-lock.json',
    'src',
    'migrations',
    'tsconfig.json',
    'tsconfig.build.json',
  ]) {
    expect(ignored).not.toContain(needed);
  }
  for (const kept of ['.git', 'node_modules', 'dist', '.env', '.env.*', '.npmrc', 'deploy'])
    expect(ignored).toContain(kept);
});

test.each([
  ['plain manifests', [], { rawYaml: ['deploy/kubernetes/*.yaml'] }],
  ['overlays', ['kustomize' as const], { kustomize: { paths: ['deploy/kustomize/dev'] } }],
])('Skaffold builds the image of the Dockerfile and deploys %s', async (_, more, manifests) => {
  const tree = await serviceOf({ features: ['skaffold', ...more], namespace: 'shop' });
  const { profiles = [], ...config } = parse(tree.get('skaffold.yaml') ?? '');
  expect(config).toEqual({
    apiVersion: 'skaffold/v4beta13',
    kind: 'Config',
    metadata: { name: 'helloworld' },
    build: { artifacts: [{ image: 'helloworld', docker: { dockerfile: 'Dockerfile' } }] },
    manifests,
    deploy: { kubectl: {} },
    portForward: [
      { resourceType: 'service', resourceName: 'helloworld', namespace: 'shop', port: 8080, localPort: 8080 },
    ],
  });
  const folders = [...tree.keys()].map((path) => path.slice(0, path.lastIndexOf('/')));
  const named = [config, ...profiles].flatMap(({ manifests: { rawYaml = [], kustomize = { paths: [] } } }) => [
    ...rawYaml.map((path: string) => path.replace('/*.yaml', '')),
    ...kustomize.paths,
  ]);
  expect(named).toHaveLength(1 + profiles.length);
  for (const folder of named) expect(folders).toContain(folder);
});

async function dockerfileOf({ packageManager, more }: (typeof IMAGES)[number]): Promise<string> {
  const tree = await serviceOf({ packageManager, features: ['docker', ...more] });
  return tree.get('Dockerfile') ?? '';
}
