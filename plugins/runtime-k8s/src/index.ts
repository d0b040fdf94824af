export type { K8sResources, K8sRuntimeOptions } from './k8s-options.ts';
export { k8sRuntime } from './k8s-runtime.ts';
export { plugin } from './plugin.ts';
