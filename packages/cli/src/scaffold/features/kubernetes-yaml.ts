import { stringify } from 'yaml';

/**
 * Plain data as `kubectl` reads it, which is YAML 1.1: texts that are something else there, such as `on` or `8e12`, are
 * quoted. Ends with a line break.
 */
export function kubernetesYaml(data: unknown): string {
  return stringify(data, { version: '1.1' });
}
