export { type GrpcClientOptions, grpcClient } from './grpc-client.ts';
export { type GrpcDoor, type GrpcDoorOptions, grpcDoor } from './grpc-door.ts';
export type { GrpcProtocol, GrpcTransportOptions } from './grpc-options.ts';
export { grpcTransport } from './grpc-transport.ts';
export { plugin } from './plugin.ts';
