export { type CodecWorld, codecCases } from './conformance/codec.ts';
export { eventually } from './conformance/eventually.ts';
export { type LoggerWorld, loggerCases } from './conformance/logger.ts';
export { type RegistryWorld, registryCases } from './conformance/registry.ts';
export { type ConformanceCases, type ConformanceRun, runConformance } from './conformance/run.ts';
export { type TransportWorld, transportCases } from './conformance/transport.ts';
