import type { Part } from '../part.ts';
import type { Project } from '../project.ts';
import { templateFiles } from '../read-template.ts';
import { kubernetesYaml } from './kubernetes-yaml.ts';

const PLAIN = `  rawYaml:
    - deploy/kubernetes/*.yaml
`;
const KUSTOMIZE = `  kustomize:
    paths:
      - deploy/kustomize/dev
`;
/** \`skaffold run --profile prod\`. */
const PROD = `profiles:
  - name: prod
    manifests:
      kustomize:
        paths:
          - deploy/kustomize/prod
`;

/** Builds and deploys what the other parts describe, with Skaffold. */
export function skaffoldPart({ names, namespace, features }: Project): Part {
  const kustomize = features.has('kustomize');
  const { 'skaffold.yaml': text = '' } = templateFiles('skaffold', {
    service: names.service,
    namespace: kubernetesYaml(namespace).trimEnd(),
    manifests: kustomize ? KUSTOMIZE : PLAIN,
    profiles: kustomize ? PROD : '',
  });
  return {
    files: { 'skaffold.yaml': `${text.trimEnd()}\n` },
    readme: `## Skaffold

\`skaffold dev\` builds the image, deploys it to the cluster that \`kubectl\` is set to, shows its log, and does so again after every
change; port 8080 of this machine leads to it.${kustomize ? ' `skaffold run --profile prod` deploys what `deploy/kustomize/prod` says.' : ''}`,
  };
}
