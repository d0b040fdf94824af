import type { ListenOptions, Socket } from '@micro/core';
import { Health } from './gen/health_pb.js';
import type { GrpcLimits, GrpcTransportOptions } from './grpc-options.ts';
import { HEALTH_PATHS, healthService } from './health.ts';
import type { ServeCall } from './incoming-call.ts';
import type { GrpcListenOptions } from './listen.ts';
import { methodPaths } from './method-paths.ts';
import { REFLECTION_PATHS, reflectionService } from './reflection.ts';
import { serveMessages } from './serve-messages.ts';
import { serveMethod } from './serve-method.ts';
import { STREAM_PATH } from './wire-names.ts';

/**
 * All that one listener answers: go-micro's messages, the methods of every service by their paths, health and reflection.
 * What a service serves itself goes before ours of the same name.
 */
export function servedPaths(
  accept: (socket: Socket) => void,
  { name, services, ready = () => true }: ListenOptions,
  limits: GrpcLimits,
  { health = true, reflection = true }: GrpcTransportOptions,
): Pick<GrpcListenOptions, 'paths' | 'drained' | 'closed'> {
  const names = new Set<string>();
  let isDraining = false;
  const state = healthService({ ready: () => !isDraining && ready(), serves: (asked) => names.has(asked) });
  const shown = reflection ? reflectionService() : undefined;

  const paths = (serve: (path: string, call: ServeCall) => void): void => {
    serve(STREAM_PATH, (incoming) => serveMessages(incoming, limits, accept));
    if (name !== undefined) names.add(name);
    if (health) {
      serve(HEALTH_PATHS.check, state.check);
      serve(HEALTH_PATHS.watch, state.watch);
      names.add(Health.typeName);
      shown?.add(Health);
    }
    if (shown !== undefined) for (const path of REFLECTION_PATHS) serve(path, shown.info);
    services?.((service, internal) => {
      for (const { path, endpoint } of methodPaths(service, name)) {
        serve(path, serveMethod({ endpoint: endpoint.name, kind: endpoint.kind }, limits, accept));
        if (internal) continue;
        names.add(path.slice(1, path.lastIndexOf('/')));
        if (endpoint.proto !== undefined) shown?.add(endpoint.proto.parent);
      }
    });
  };

  return {
    paths,
    drained() {
      isDraining = true;
      state.look();
    },
    closed: () => state.close(),
  };
}
