import { commandsOf } from '../../project/package-manager.ts';
import type { Part } from '../part.ts';
import type { Project } from '../project.ts';
import { templateFiles } from '../read-template.ts';
import { clusterEnvironment } from './environment.ts';
import { kubernetesYaml } from './kubernetes-yaml.ts';
import { migrationContainer, passwordVariable } from './postgres-in-cluster.ts';

const FOLDER = 'deploy/kubernetes';

/** What runs the service in Kubernetes, found in an etcd of the cluster. */
export function kubernetesPart(project: Project): Part {
  return {
    files: inFolder(FOLDER, { ...workload(project), 'configmap.yaml': configMap(project) }),
    dependencies: ['@micro/registry-etcd'],
    readme: `## Kubernetes

${clusterReadme(project)}

\`\`\`sh
${commandsOf(project.packageManager).run('docker')}
kubectl apply -f ${FOLDER}
kubectl --namespace ${project.namespace} rollout status deployment/${project.names.service}
\`\`\``,
  };
}

/** The manifests that every deployment has: Deployment, Service and ServiceAccount, by file name. */
export function workload({ names, namespace, features }: Project): Readonly<Record<string, string>> {
  const { service } = names;
  const postgres = features.has('postgres');
  return templateFiles('kubernetes', {
    service,
    namespace: kubernetesYaml(namespace).trimEnd(),
    migration: postgres ? migrationContainer(service) : '',
    password: postgres ? passwordVariable(service) : '',
  });
}

/** Files by their names as files by their paths. */
export function inFolder(folder: string, files: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));
}

/** What a cluster has to have before the service runs in it. */
export function clusterReadme({ names, namespace, features }: Project): string {
  const { service } = names;
  const secret = `It wants the Secret \`${service}-postgres\` with the \`password\` of the database:

\`\`\`sh
read -rs PASSWORD
printf %s "$PASSWORD" | kubectl --namespace ${namespace} create secret generic ${service}-postgres --from-file=password=/dev/stdin
\`\`\`
`;
  return `The service runs in the namespace \`${namespace}\`, which has to be there, and is found in the etcd at
\`http://etcd.${namespace}.svc:2379\`; change both to what your cluster has.${features.has('postgres') ? `\n\n${secret}` : ''}`.trim();
}

function configMap({ names, ...project }: Project): string {
  const { service } = names;
  return kubernetesYaml({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: service,
      namespace: project.namespace,
      labels: { 'app.kubernetes.io/name': service },
    },
    data: clusterEnvironment({ names, ...project }),
  });
}
