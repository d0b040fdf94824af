export { type CodecWorld, codecCases } from './conformance/codec.ts';
export { type EventuallyOptions, eventually, within } from './conformance/eventually.ts';
export { type Lifecycle, type LifecycleWorld, lifecycleCases } from './conformance/lifecycle.ts';
export { type LoggerWorld, loggerCases } from './conformance/logger.ts';
export { type RegistrySupport, type RegistryWorld, registryCases } from './conformance/registry.ts';
export { type ConformanceCases, type ConformanceRun, type DeclareTest, runConformance } from './conformance/run.ts';
export { type SelectorWorld, selectorCases } from './conformance/selector.ts';
export { type TransportWorld, transportCases } from './conformance/transport.ts';
