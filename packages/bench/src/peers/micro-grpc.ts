import { create, createFileRegistry, type DescService, type Message } from '@bufbuild/protobuf';
import type { GenMessage, GenService } from '@bufbuild/protobuf/codegenv2';
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import { createService, memoryRegistry, type ServiceRecord } from '@micro/core';
import { type GrpcTransportOptions, grpcTransport } from '@micro/transport-grpc';
import type { Caller, Peer, Served } from '../peer.ts';
import { type Body, streamBody } from '../work.ts';

const NAME = 'bench';

/** The service of the peer `grpc-js`, field by field: the bytes on the wire are the same. */
type Bench = GenService<{
  echo: { methodKind: 'unary'; input: GenMessage<Message & Body>; output: GenMessage<Message & Body> };
  ticks: {
    methodKind: 'server_streaming';
    input: GenMessage<Message & { count: number }>;
    output: GenMessage<Message & Body>;
  };
}>;

/** Micro over go-micro's gRPC transport: a gRPC stream carries one call after the other. */
export const microGrpc: Peer = peer({});

/** Micro where every call is one of gRPC, as any gRPC client or server would see it. */
export const microGrpcDoor: Peer = peer({ protocol: 'grpc' });

function peer(options: GrpcTransportOptions): Peer {
  return {
    async serve(): Promise<Served> {
      const registry = memoryRegistry();
      const service = createService({
        name: NAME,
        registry,
        transport: grpcTransport(options),
        server: { address: '127.0.0.1:0' },
      });
      service.server.handle(benchService(), {
        echo: (body) => body,
        async *ticks({ count }) {
          for (let index = 0; index < count; index++) yield streamBody(index);
        },
      });
      await service.start();
      return { address: JSON.stringify(await registry.getService(NAME)), close: () => service.stop() };
    },

    async connect(records): Promise<Caller> {
      const services: readonly ServiceRecord[] = JSON.parse(records);
      const service = createService({
        name: `${NAME}-client`,
        registry: memoryRegistry({ services }),
        transport: grpcTransport(),
        client: { contentType: 'application/protobuf' },
      });
      const bench = service.client.of(benchService(), NAME);
      return {
        call: (body) => bench.echo(body),
        stream: async (count, onMessage) => {
          for await (const message of bench.ticks({ count })) onMessage(message);
        },
        close: () => service.stop(),
      };
    },
  };
}

function benchService(): Bench {
  const field = (name: string, number: number, type: Type) => ({
    name,
    jsonName: name,
    number,
    type,
    label: Label.OPTIONAL,
  });
  const file = create(FileDescriptorProtoSchema, {
    name: 'bench.proto',
    package: 'bench',
    syntax: 'proto3',
    messageType: [
      {
        name: 'Body',
        field: [
          field('id', 1, Type.INT32),
          field('name', 2, Type.STRING),
          field('active', 3, Type.BOOL),
          field('score', 4, Type.DOUBLE),
          field('note', 5, Type.STRING),
          field('text', 6, Type.STRING),
        ],
      },
      { name: 'TicksRequest', field: [field('count', 1, Type.INT32)] },
    ],
    service: [
      {
        name: 'Bench',
        method: [
          { name: 'Echo', inputType: '.bench.Body', outputType: '.bench.Body' },
          { name: 'Ticks', inputType: '.bench.TicksRequest', outputType: '.bench.Body', serverStreaming: true },
        ],
      },
    ],
  });
  const service = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })).getService('bench.Bench');
  // The table above is what the type says.
  return service as DescService as Bench;
}
