import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@micro/core/conformance';
import { missingServer, startKubernetes, type TestKubernetes } from '@micro/test-servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FEATURES, type FeatureName } from '../../src/scaffold/project.ts';
import type { Tree } from '../../src/scaffold/write-tree.ts';
import { buildDeploymentTools, type DeploymentTools, missingGo } from './deployment-tools.ts';
import { apply, makeStrictNamespace, podsOf } from './kube-api.ts';
import { type Manifest, plainManifests, theOnly } from './manifests.ts';
import { serviceOf, writeInto } from './service-of.ts';

const missing = missingServer('kubernetes') ?? missingGo();
const title = `in a cluster${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const PLAIN: readonly FeatureName[] = ['kubernetes', 'skaffold', 'tilt'];
const OVERLAID: readonly FeatureName[] = [...PLAIN, 'kustomize'];
const ALL: readonly FeatureName[] = FEATURES.filter((feature) => !OVERLAID.includes(feature));

describe.skipIf(missing !== undefined)(title, () => {
  let kubernetes: TestKubernetes;
  let tools: DeploymentTools;
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'micro-cluster-'));
    tools = await buildDeploymentTools();
    kubernetes = await startKubernetes();
  }, 400_000);
  afterAll(async () => {
    await Promise.all([kubernetes?.close(), tools?.remove()]);
    await rm(root, { recursive: true, force: true });
  });

  /** The tree of a service in a folder of its own. */
  async function written(name: string, tree: Tree): Promise<string> {
    const folder = join(root, name);
    await writeInto(folder, tree);
    return folder;
  }

  /** All manifests of a service: the plain ones, or those of an overlay. */
  async function manifestsOf(namespace: string, overlay: string | undefined, more: readonly FeatureName[]) {
    const features = [overlay === undefined ? ('kubernetes' as const) : ('kustomize' as const), ...more];
    // A name that no label of DNS could be.
    const tree = await serviceOf({ name: '@acme/3d.promise_type', features, namespace });
    if (overlay === undefined) return plainManifests(tree);
    return tools.kustomize(join(await written(namespace, tree), 'deploy/kustomize', overlay));
  }

  test.each([
    { namespace: 'plain', overlay: undefined, more: [], replicas: 2 },
    { namespace: 'plain-all', overlay: undefined, more: ALL, replicas: 2 },
    { namespace: 'dev', overlay: 'dev', more: [], replicas: 1 },
    { namespace: 'dev-all', overlay: 'dev', more: ALL, replicas: 1 },
    { namespace: 'prod', overlay: 'prod', more: [], replicas: 3 },
    { namespace: 'prod-all', overlay: 'prod', more: ALL, replicas: 3 },
  ])(
    '$replicas Pods are made of the manifests of $namespace, without a field that is unknown or a right too many',
    async ({ namespace, overlay, more, replicas }) => {
      const manifests = await manifestsOf(namespace, overlay, more);
      await makeStrictNamespace(kubernetes, namespace);
      for (const manifest of manifests) {
        expect(manifest.metadata.namespace).toBe(namespace);
        await apply(kubernetes, manifest);
      }
      const pods = await eventually(
        async () => {
          const found = await podsOf(kubernetes, namespace);
          expect(found).toHaveLength(replicas);
          return found;
        },
        { timeoutMs: 120_000 },
      );
      expect(new Set(pods)).toEqual(new Set(['svc-3d-promise-type']));
    },
  );

  test('what a manifest refers to is there, and probes ask at the port that is listened on', async () => {
    for (const overlay of [undefined, 'dev', 'prod']) {
      const manifests = await manifestsOf(`refers-${overlay}`, overlay, ALL);
      const { template } = theOnly('Deployment', manifests).spec;
      const configMap = theOnly('ConfigMap', manifests);
      const { initContainers = [], containers, serviceAccountName } = template.spec;
      expect(serviceAccountName).toBe(theOnly('ServiceAccount', manifests).metadata.name);
      for (const container of [...initContainers, ...containers]) {
        expect(container.envFrom).toEqual([{ configMapRef: { name: configMap.metadata.name } }]);
      }
      const [{ ports = [], startupProbe, livenessProbe, readinessProbe } = fail()] = containers;
      const [port = fail()] = ports;
      expect(configMap.data.MICRO_SERVER_ADDRESS).toBe(`:${port.containerPort}`);
      expect([startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet)).toEqual([
        { path: '/health/live', port: port.name },
        { path: '/health/live', port: port.name },
        { path: '/health/ready', port: port.name },
      ]);
      expect(theOnly('Service', manifests).spec.ports.map(({ targetPort }) => targetPort)).toEqual([port.name]);
    }
  });

  test('production differs from development in image, number, logs and what may be away at once', async () => {
    const dev = await manifestsOf('dev-differs', 'dev', ALL);
    const prod = await manifestsOf('prod-differs', 'prod', ALL);
    const facts = (manifests: readonly Manifest[]) => {
      const { replicas, template } = theOnly('Deployment', manifests).spec;
      const { initContainers = [], containers } = template.spec;
      return {
        replicas,
        images: [...new Set([...initContainers, ...containers].map(({ image }) => image))],
        logs: theOnly('ConfigMap', manifests).data.MICRO_LOG_LEVEL,
        budgets: manifests.filter(({ kind }) => kind === 'PodDisruptionBudget').length,
      };
    };
    expect([facts(dev), facts(prod)]).toEqual([
      { replicas: 1, images: ['svc-3d-promise-type:latest'], logs: 'debug', budgets: 0 },
      { replicas: 3, images: ['registry.example.com/svc-3d-promise-type:1.0.0'], logs: 'info', budgets: 1 },
    ]);
  });

  test.each([
    ['plain manifests', PLAIN],
    ['overlays', OVERLAID],
  ])('Tilt deploys %s, with a container that changed sources can be written into', async (name, features) => {
    const tree = await serviceOf({ features: [...features, 'postgres'] });
    const asked = await tools.tilt(await written(`tilt ${name}`, tree));
    const { containers } = theOnly('Deployment', asked.manifests).spec.template.spec;
    expect(containers.map(({ securityContext }) => securityContext.readOnlyRootFilesystem)).toEqual([false]);
    expect(asked.manifests.map(({ kind }) => kind).sort()).toEqual([
      ...['ConfigMap', 'Deployment', 'Service', 'ServiceAccount'],
    ]);
    const [image = fail()] = asked.images;
    expect(containers.map((container) => container.image)).toEqual([`${image.ref}:latest`]);
    expect(asked.resources).toEqual(['helloworld:8080']);

    const dockerfile = tree.get('Dockerfile') ?? '';
    expect(dockerfile).toContain(`\nFROM node:24-slim AS ${image.target}\nWORKDIR /app\n`);
    // In the order in which Tilt wants them.
    expect(image.liveUpdate.map(({ kind }) => kind)).toEqual(['fall_back_on', 'sync', 'run']);
    expect(image.liveUpdate[1]?.args).toEqual(['src', '/app/src']);
    expect(dockerfile).toContain(`RUN ${image.liveUpdate[2]?.args[0]}\n`);
  });
});

function fail(): never {
  throw new Error('there is nothing of that');
}
