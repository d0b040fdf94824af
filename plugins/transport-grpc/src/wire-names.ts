/** Where go-micro's gRPC transport is on a server. */
export const STREAM_PATH = '/go.micro.transport.grpc.Transport/Stream';

/** What a node's metadata says of a listener of ours. */
export const OURS = { grpc: '1' } as const;
