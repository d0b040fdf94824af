import { commandsOf } from '../../project/package-manager.ts';
import type { Part } from '../part.ts';
import type { Project } from '../project.ts';
import { templateFiles } from '../read-template.ts';
import { clusterEnvironment } from './environment.ts';
import { clusterReadme, inFolder, workload } from './kubernetes.ts';
import { kubernetesYaml } from './kubernetes-yaml.ts';

const FOLDER = 'deploy/kustomize';

/** The manifests of Kubernetes with an overlay for each environment. */
export function kustomizePart(project: Project): Part {
  const { names, namespace } = project;
  return {
    files: {
      ...templateFiles('kustomize', { service: names.service, namespace: kubernetesYaml(namespace).trimEnd() }),
      ...inFolder(`${FOLDER}/base`, { ...workload(project), 'service.env': environmentFile(project) }),
    },
    dependencies: ['@micro/registry-etcd'],
    readme: `## Kubernetes

${clusterReadme(project)}

\`deploy/kustomize/base\` is what all environments have, \`dev\` and \`prod\` are what differs: \`prod\` takes a released image from
\`registry.example.com\`, which is yours to change.

\`\`\`sh
${commandsOf(project.packageManager).run('docker')}
kubectl apply -k ${FOLDER}/dev
kubectl --namespace ${namespace} rollout status deployment/${names.service}
\`\`\``,
  };
}

/** What `configMapGenerator` reads. */
function environmentFile(project: Project): string {
  const variables = Object.entries(clusterEnvironment(project));
  return variables.map(([name, value]) => `${name}=${value}\n`).join('');
}
