import { CODE, type Plugin, type Runtime } from '@micro/core';
import { k8sError } from './k8s-error.ts';
import { k8sRuntime } from './k8s-runtime.ts';

/**
 * The manifest: `--runtime k8s` or `MICRO_RUNTIME=k8s`. `--runtime_source` is the image of workloads that name none. Told of
 * the connection is the service's logger.
 */
export const plugin: Plugin<Runtime> = {
  api: 1,
  kind: 'runtime',
  name: 'k8s',
  create({ runtime_source: image }, { logger }) {
    if (image !== undefined && typeof image !== 'string') {
      throw k8sError(CODE.badRequest, `--runtime_source ${String(image)} is no image; give its name`);
    }
    return k8sRuntime({ logger, ...(image === undefined || image === '' ? {} : { image }) });
  },
};
