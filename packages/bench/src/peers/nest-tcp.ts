import { requireForeign } from '../foreign.ts';
import type { Caller, Peer, Served } from '../peer.ts';
import { type Body, streamBody } from '../work.ts';

/** What is used of rxjs. */
interface Observable<T> {
  subscribe(observer: { next?: (value: T) => void; error?: (error: unknown) => void; complete?: () => void }): unknown;
}
interface Rxjs {
  range(start: number, count: number): { pipe<T>(operator: unknown): Observable<T> };
  map<T>(project: (index: number) => T): unknown;
  firstValueFrom<T>(source: Observable<T>): Promise<T>;
}

/** What is used of NestJS. Decorators are functions, and applied as such. */
type ClassDecorate = (target: new () => unknown) => void;
interface Common {
  Module(metadata: { controllers: (new () => unknown)[] }): ClassDecorate;
  Controller(): ClassDecorate;
}
interface Core {
  NestFactory: {
    createMicroservice(module: new () => unknown, options: object): Promise<Microservice>;
  };
}
interface Microservice {
  listen(): Promise<unknown>;
  close(): Promise<void>;
  unwrap(): { address(): { port: number } };
}
interface Microservices {
  Transport: { TCP: number };
  MessagePattern(pattern: string): (target: object, method: string, descriptor: PropertyDescriptor) => void;
  ClientProxyFactory: {
    create(options: object): {
      connect(): Promise<unknown>;
      send<T>(pattern: string, data: unknown): Observable<T>;
      close(): void;
    };
  };
}

/** NestJS microservices over its TCP transporter, as its documentation sets it up: a controller with message patterns. */
export const nestTcp: Peer = { serve, connect };

async function serve(): Promise<Served> {
  requireForeign('reflect-metadata');
  const { Module, Controller }: Common = requireForeign('@nestjs/common');
  const { NestFactory }: Core = requireForeign('@nestjs/core');
  const { Transport, MessagePattern }: Microservices = requireForeign('@nestjs/microservices');
  const { range, map }: Rxjs = requireForeign('rxjs');

  class EchoController {
    echo(body: Body): Body {
      return body;
    }
    ticks({ count }: { count: number }): Observable<Body> {
      return range(0, count).pipe(map(streamBody));
    }
  }
  class EchoModule {}
  for (const method of ['echo', 'ticks']) {
    const descriptor = Object.getOwnPropertyDescriptor(EchoController.prototype, method);
    if (descriptor !== undefined) MessagePattern(method)(EchoController.prototype, method, descriptor);
  }
  Controller()(EchoController);
  Module({ controllers: [EchoController] })(EchoModule);

  const service = await NestFactory.createMicroservice(EchoModule, {
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: 0 },
    logger: ['error', 'fatal'],
  });
  await service.listen();
  return { address: String(service.unwrap().address().port), close: () => service.close() };
}

async function connect(address: string): Promise<Caller> {
  requireForeign('reflect-metadata');
  const { Transport, ClientProxyFactory }: Microservices = requireForeign('@nestjs/microservices');
  const { firstValueFrom }: Rxjs = requireForeign('rxjs');
  const client = ClientProxyFactory.create({
    transport: Transport.TCP,
    options: { host: '127.0.0.1', port: Number(address) },
  });
  await client.connect();
  return {
    call: (body) => firstValueFrom(client.send<Body>('echo', body)),
    stream: (count, onMessage) =>
      new Promise((resolve, reject) => {
        client.send<Body>('ticks', { count }).subscribe({ next: onMessage, error: reject, complete: resolve });
      }),
    close: async () => client.close(),
  };
}
