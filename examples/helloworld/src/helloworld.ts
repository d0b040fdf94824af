import { initService, type Service } from '@micro/core';
import { Helloworld } from './gen/helloworld_pb.js';

/** The service: one function for each method in the .proto. Flags and `MICRO_*` variables choose what it runs on. */
export async function helloworld(): Promise<Service> {
  const service = await initService({ name: 'helloworld', server: { address: '127.0.0.1:0' } });

  service.server.handle(Helloworld, {
    async call(request) {
      return { msg: `Hello ${request.name}` };
    },
    async clientStream(requests) {
      let count = 0n;
      for await (const { stroke } of requests) count += stroke;
      return { count };
    },
    async *serverStream(request) {
      for (let count = 0n; count < request.count; count++) yield { count };
    },
    async *bidiStream(requests) {
      for await (const { stroke } of requests) yield { stroke };
    },
  });

  return service;
}
