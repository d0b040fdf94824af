import { commandsOf } from '../../project/package-manager.ts';
import type { Part } from '../part.ts';
import type { Project } from '../project.ts';
import { templateFiles } from '../read-template.ts';

const PLAIN = ['configmap', 'deployment', 'service', 'serviceaccount'].map((name) => `deploy/kubernetes/${name}.yaml`);

/** Keeps what runs in a cluster up to date with the sources, with Tilt. */
export function tiltPart({ names, packageManager, features }: Project): Part {
  return {
    files: templateFiles('tilt', {
      service: names.service,
      build: commandsOf(packageManager).run('build'),
      // What is installed and how it is compiled changes by a new image.
      rebuild: list(['package.json', 'tsconfig.json', 'tsconfig.build.json']),
      manifests: features.has('kustomize')
        ? "decode_yaml_stream(kustomize('deploy/kustomize/dev'))"
        : `[read_yaml(path) for path in ${list(PLAIN)}]`,
    }),
    readme: `## Tilt

\`tilt up\` builds an image that can compile, deploys it to the cluster that \`kubectl\` is set to, and from then on compiles changes of
\`src\` in the running container, where they are seen within seconds; port 8080 of this machine leads to it.`,
  };
}

/** A list of texts as Starlark writes it. */
function list(texts: readonly string[]): string {
  return `[${texts.map((text) => `'${text}'`).join(', ')}]`;
}
