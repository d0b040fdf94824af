export type { GrpcProtocol, GrpcTransportOptions } from './grpc-options.ts';
export { grpcTransport } from './grpc-transport.ts';
export { plugin } from './plugin.ts';
