import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { CODE, MicroError } from '@micro/core';
import { reasonOf } from '@micro/core/plugin';
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from './gen/health_pb.js';
import { statusOf } from './grpc-status.ts';
import { type Incoming, openCallOf, receiveCall, type ServeCall } from './incoming-call.ts';

/** `grpc.health.v1.Health` of one listener. */
export interface HealthService {
  readonly check: ServeCall;
  readonly watch: ServeCall;
  /** Tells those who watch how it is now, where that is not what they know. */
  look(): void;
  close(): void;
}

export const HEALTH_PATHS = { check: `/${Health.typeName}/Check`, watch: `/${Health.typeName}/Watch` } as const;

/** How often the health is looked at while somebody watches it. */
const LOOK_EVERY_MS = 250;
/** Those who may watch one listener at a time. */
const MOST_WATCHERS = 1_000;

/** What the health of a listener is made from. */
export interface HealthOptions {
  /** Whether the service wants to be called now. */
  readonly ready: () => boolean;
  /** Whether a name is that of something served here; `''` is all of it. */
  readonly serves: (name: string) => boolean;
}

/** Makes it. Every service of a listener is as healthy as the whole: one process, one registration. */
export function healthService({ ready, serves }: HealthOptions): HealthService {
  /** What each watcher was last told. */
  const watchers = new Map<Incoming, { readonly service: string; told: Status }>();
  let timer: NodeJS.Timeout | undefined;

  const statusFor = (service: string): Status => {
    if (service !== '' && !serves(service)) return Status.SERVICE_UNKNOWN;
    return ready() ? Status.SERVING : Status.NOT_SERVING;
  };
  const send = (incoming: Incoming, status: Status): void => {
    incoming.send(toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status })));
  };
  const look = (): void => {
    for (const [incoming, watcher] of watchers) {
      const status = statusFor(watcher.service);
      if (status === watcher.told || incoming.congested) continue;
      watcher.told = status;
      send(incoming, status);
    }
  };
  const leave = (incoming: Incoming): void => {
    watchers.delete(incoming);
    if (watchers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  const check = (incoming: Incoming, service: string): void => {
    const status = statusFor(service);
    if (status === Status.SERVICE_UNKNOWN) {
      incoming.finish(statusOf(unknown(service)));
      return;
    }
    send(incoming, status);
    incoming.finish();
  };
  const watch = (incoming: Incoming, service: string): void => {
    if (watchers.size >= MOST_WATCHERS) {
      const detail = `${MOST_WATCHERS} clients watch the health already, which is the limit`;
      incoming.finish(statusOf(new MicroError({ id: ID, code: CODE.tooManyRequests, detail })));
      return;
    }
    const told = statusFor(service);
    watchers.set(incoming, { service, told });
    send(incoming, told);
    timer ??= setInterval(look, LOOK_EVERY_MS).unref();
  };

  const serve =
    (answer: (incoming: Incoming, service: string) => void): ServeCall =>
    (incomingCall) => {
      let asked = false;
      const incoming = receiveCall(
        {
          ...incomingCall,
          closed() {
            leave(incoming);
            incomingCall.closed();
          },
        },
        {
          metadata: () => incoming.read(),
          message(bytes) {
            if (asked) return;
            asked = true;
            try {
              answer(incoming, fromBinary(HealthCheckRequestSchema, bytes).service);
            } catch (error) {
              incoming.finish(statusOf(new MicroError({ id: ID, code: CODE.badRequest, detail: reasonOf(error) })));
            }
          },
          half() {
            if (!asked)
              incoming.finish(statusOf(new MicroError({ id: ID, code: CODE.badRequest, detail: 'no request came' })));
          },
          room: look,
          cancelled() {},
        },
      );
      incoming.start();
      return openCallOf(incoming, (reason) => statusOf(MicroError.from(reason)));
    };

  return {
    check: serve(check),
    watch: serve(watch),
    look,
    close() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}

const ID = 'grpc.health.v1';

function unknown(service: string): MicroError {
  const detail = `${JSON.stringify(service.slice(0, 200))} is not served here`;
  return new MicroError({ id: ID, code: CODE.notFound, detail });
}
