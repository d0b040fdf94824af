import type { Project } from '../project.ts';

/** The variables of a service in a cluster that are no secrets. */
export function clusterEnvironment({ names, features, namespace, postgresAddress }: Project): Record<string, string> {
  const [host = '', port = '5432'] = postgresAddress.split(':');
  return {
    MICRO_REGISTRY: 'etcd',
    MICRO_REGISTRY_ADDRESS: `http://etcd.${namespace}.svc:2379`,
    // The port that probes, the Service and other services' calls go to.
    MICRO_SERVER_ADDRESS: ':8080',
    ...(features.has('otel') ? { OTEL_EXPORTER_OTLP_ENDPOINT: `http://otel-collector.${namespace}.svc:4318` } : {}),
    ...(features.has('postgres')
      ? { PGHOST: host, PGPORT: port, PGDATABASE: names.service, PGUSER: names.service }
      : {}),
  };
}
