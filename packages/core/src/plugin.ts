// What core's own defaults are made with, for those who write plugins: they check, time and word things alike.

export { checkAccountId } from './auth/account-id.ts';
export { authError } from './auth/auth-error.ts';
export { brokerError, handlerError, isHopeless, notConnected } from './broker/broker-error.ts';
export { createFailureReport, type FailureReport } from './broker/broker-failure.ts';
export { checkMessage, checkSubscribe, checkTopic } from './broker/check-message.ts';
export { decodeEnvelope, encodeEnvelope } from './broker/envelope.ts';
export { BROADCAST_VERSION, HTTP_BROKER_SERVICE } from './broker/http-message.ts';
export { cacheError, cacheLimit, cacheTtl } from './cache/cache-check.ts';
export { type LateRegistry, lateRegistry } from './cmd/late-registry.ts';
export { type LoadedPlugin, loadPlugin, type PluginRequest } from './cmd/load-plugin.ts';
export { type FlagKind, MICRO_FLAGS, type MicroFlag } from './cmd/micro-flags.ts';
export { END_OF_STREAM } from './contract/header.ts';
export { type Finish, followed } from './debug/followed.ts';
export { readTraceContext, type TraceContext, writeTraceContext } from './debug/trace-context.ts';
export { REFUSED } from './error/code.ts';
export { type ConnectionLog, connectionLog } from './logger/connection-log.ts';
export { prettyLines } from './logger/pretty-lines.ts';
export { steadyLogger } from './logger/steady-logger.ts';
export { type EventQueue, type EventQueueOptions, eventQueue } from './registry/event-queue.ts';
export { decodeRecord, encodeRecord } from './registry/go-record.ts';
export { copyRecord, sameEndpoints, sameMetadata, sameNode } from './registry/record.ts';
export { registryError } from './registry/registry-error.ts';
export { renewedRegistry } from './registry/renewed-registry.ts';
export { type NodeChanges, type ServiceNodes, serviceNodes } from './registry/service-nodes.ts';
export { LEGACY_JSON } from './rpc/legacy-route.ts';
export { parseError } from './rpc/wire.ts';
export { type Child, type ChildOptions, startChild } from './runtime/child.ts';
export { createOrphanGuard, type OrphanGuard } from './runtime/orphan-guard.ts';
export {
  type CheckedRecord,
  type KeyRange,
  rangeOf,
  type StoreCheck,
  scopeOf,
  storeCheck,
} from './store/store-check.ts';
export { type Carrier, createExchange, type Exchange, type ExchangeOptions } from './transport/exchange.ts';
export { answersProbe, createEndProbe, type EndProbe, PROBE_FIELDS } from './transport/http1-end-probe.ts';
export { abortError } from './util/abort.ts';
export { dialTarget, formatAddress } from './util/address.ts';
export { bind } from './util/bind.ts';
export { now } from './util/clock.ts';
export { compareCodePoints } from './util/code-points.ts';
export { createDeadlineTimer, type DeadlineTimer } from './util/deadline-timer.ts';
export { fullJitterMs } from './util/full-jitter.ts';
export { parseGoDuration } from './util/go-duration.ts';
export { canonicalHeaderName } from './util/header-name.ts';
export { inTurn } from './util/in-turn.ts';
export { isThenable } from './util/is-thenable.ts';
export { limitOf, numberOf } from './util/limit.ts';
export { createMetadata } from './util/metadata.ts';
export { onAbort } from './util/on-abort.ts';
export { createPushable, type Pushable } from './util/pushable.ts';
export { reasonOf } from './util/reason.ts';
export { isReservedHeader } from './util/reserved-header.ts';
export { shown } from './util/shown.ts';
export { LONGEST_TIMER_MS, pause, sleep } from './util/timer.ts';
export { type Certificates, keepCertificates, listenerTls, loadCertificates, secureContexts } from './util/tls.ts';
export { within } from './util/within.ts';
