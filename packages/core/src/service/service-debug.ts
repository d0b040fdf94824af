import type { Tracer } from '../contract/debug.ts';
import type { Logger } from '../contract/logger.ts';
import type { ListenOptions } from '../contract/transport.ts';
import { debugHandlers } from '../debug/debug-handlers.ts';
import { debugService } from '../debug/debug-service.ts';
import { answerHealth, healthStatus } from '../debug/health.ts';
import { logRing } from '../debug/log-ring.ts';
import { processStats } from '../debug/process-stats.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import type { RpcServer } from '../server/rpc-server.ts';
import type { DebugSettings } from './service-options.ts';

/** What a service shows of itself. */
export interface ServiceDebug {
  /** The service's logger; what is written through it is kept too. */
  readonly logger: Logger;
  /** Answers the health paths; absent when they are off. */
  readonly plain: ListenOptions['plain'];
  /** Serves `Debug` beside what the user serves, unless the user serves a handler of that name. */
  start(server: RpcServer): void;
  /** Ends those who follow the log, since nothing may wait for them. */
  end(): void;
  stop(): void;
}

const LOG_LINES = 1_024;

/** Puts together what a service shows of itself; what is off costs nothing. */
export function serviceDebug(settings: DebugSettings, given: Logger, tracer: Tracer | undefined): ServiceDebug {
  const { endpoints = true, health = true, logLines = LOG_LINES } = settings;
  const logs = endpoints && logLines > 0 ? logRing(logLines) : undefined;
  const stats = processStats();
  let server: RpcServer | undefined;
  let served = false;

  const status = (): string => healthStatus(server?.status ?? 'stopped', server?.registration ?? 'none');

  const serve = (on: RpcServer): void => {
    const noCounters = { requests: 0, errors: 0 };
    const read = () => stats.read(server?.counters ?? noCounters);
    try {
      on.handle(debugService(), debugHandlers({ health: status, stats: read, logs, tracer }), { internal: true });
    } catch (error) {
      // Whoever serves a `Debug` of their own means that one.
      if (!(error instanceof MicroError && error.code === CODE.conflict)) throw error;
    }
  };

  return {
    logger: logs === undefined ? given : logs.keep(given),
    plain: health ? (request) => answerHealth(request, status()) : undefined,
    start(on) {
      server = on;
      if (!endpoints) return;
      logs?.begin();
      stats.start();
      if (!served) serve(on);
      served = true;
    },
    end: () => logs?.end(),
    stop: () => stats.stop(),
  };
}
