// For those who write services -----------------------------------------------------------------------------------

export { type MemoryAuthOptions, memoryAuth } from './auth/memory-auth.ts';
export { type NoopAuthOptions, noopAuth } from './auth/noop-auth.ts';
export { type MemoryRulesOptions, memoryRules } from './auth/rules.ts';
export type { BrokerFailure, FailureOptions } from './broker/broker-failure.ts';
export type { BrokerOptions, InboxOptions } from './broker/broker-options.ts';
export { type HttpBrokerOptions, httpBroker } from './broker/http-broker.ts';
export { type MemoryBrokerOptions, memoryBroker } from './broker/memory-broker.ts';
export { type MemoryCacheOptions, memoryCache } from './cache/memory-cache.ts';
export type { ClientSettings } from './client/client-settings.ts';
export { createEvent, type EventOptions } from './client/create-event.ts';
export { fullJitter, retryOnError, retryUnexecuted } from './client/retry.ts';
export type { ChosenComponents } from './cmd/choose-components.ts';
export type { ChosenKind } from './cmd/core-components.ts';
export { type CmdOptions, createCmd } from './cmd/create-cmd.ts';
export { type InitGiven, type InitOptions, type InitSettings, initService } from './cmd/init-service.ts';
export { type ConfigOptions, createConfig } from './config/config.ts';
export { type EnvSourceOptions, envSource } from './config/env-source.ts';
export { type FileSourceOptions, fileSource } from './config/file-source.ts';
export { type FlagsSourceOptions, flagsSource } from './config/flags-source.ts';
export { type MemorySource, memorySource } from './config/memory-source.ts';
export type { ConfigFormat } from './config/parse-text.ts';
export type { Client, ClientStream, PublishOptions, UntypedRequest } from './contract/client.ts';
export type { Backoff, CallOptions, Context, Peer, RetryPolicy } from './contract/context.ts';
export type { Definition, Endpoint, Kind, MessageType, MethodTypes } from './contract/definition.ts';
export type { Event, EventContext, EventInput, EventOutput, EventType } from './contract/event.ts';
export type { Metadata, MetadataInit } from './contract/metadata.ts';
export type { Handler, Middleware, Request } from './contract/middleware.ts';
export type { HandleOptions, Server, ServerStatus, SubscribeOptions } from './contract/server.ts';
export type { Hook, Service, ServiceComponents } from './contract/service.ts';
export type { ClientOf, HandlersOf, Messages, MethodsOf, PlainHandlers } from './contract/typed.ts';
export {
  type DebugLogRequest,
  type DebugRecord,
  type DebugService,
  type DebugSpan,
  debugService,
} from './debug/debug-service.ts';
export { type MemoryTracerOptions, memoryTracer } from './debug/memory-tracer.ts';
export { CODE, type Code } from './error/code.ts';
export { MicroError, type MicroErrorInit } from './error/micro-error.ts';
export type { LogDestination } from './logger/log-destination.ts';
export { type PinoLoggerOptions, pinoLogger } from './logger/pino-logger.ts';
export { silentLogger } from './logger/silent-logger.ts';
export { type AuthCallOptions, authCall } from './middleware/auth-call.ts';
export { type AuthHandlerOptions, authHandler } from './middleware/auth-handler.ts';
export { noopProfile } from './profile/noop-profile.ts';
export { type CachedRegistryOptions, cachedRegistry } from './registry/cached-registry.ts';
export type { MdnsRegistryOptions } from './registry/mdns-options.ts';
export { mdnsRegistry } from './registry/mdns-registry.ts';
export { type MemoryRegistryOptions, memoryRegistry } from './registry/memory-registry.ts';
export {
  type BareTypes,
  bidiStream,
  clientStream,
  defineService,
  type MethodOptions,
  type MethodSpec,
  type SchemaOptions,
  type SchemaTypes,
  serverStream,
  type TypesOf,
  unary,
} from './rpc/define-service.ts';
export { type LocalRuntimeOptions, localRuntime } from './runtime/local-runtime.ts';
export { filterEndpoint, filterLabel, filterVersion } from './selector/filters.ts';
export { type RegistrySelectorOptions, registrySelector } from './selector/registry-selector.ts';
export { leastBusy, random, roundRobin } from './selector/strategies.ts';
export type { ServerSettings } from './server/server-settings.ts';
export { createService } from './service/create-service.ts';
export type { DebugSettings, Hooks, ServiceOptions } from './service/service-options.ts';
export { type FileStoreOptions, fileStore } from './store/file-store.ts';
export { type MemoryStoreOptions, memoryStore } from './store/memory-store.ts';
export type { StoreLimits } from './store/store-check.ts';
export { type HttpTransportOptions, httpTransport } from './transport/http-transport.ts';
export type { TransportLimits } from './transport/limits.ts';
export { type MemoryTransportOptions, memoryTransport } from './transport/memory-transport.ts';
export type { TlsOptions } from './util/tls.ts';

// For those who write plugins ------------------------------------------------------------------------------------

export { verifyRules } from './auth/rules.ts';
export { bytesCodec } from './codec/bytes-codec.ts';
export { type GrpcCodecOptions, grpcCodec, grpcJsonCodec } from './codec/grpc-codec.ts';
export { type JsonCodecOptions, jsonCodec } from './codec/json-codec.ts';
export { protobufCodec } from './codec/protobuf-codec.ts';
export type { Account, Auth, GenerateOptions, Resource, Rule, Rules, Token, TokenOptions } from './contract/auth.ts';
export type {
  Broker,
  BrokerCallOptions,
  BrokerMessage,
  BrokerSubscribeOptions,
  Delivery,
  Subscription,
} from './contract/broker.ts';
export type { Cache, CacheEntry, CachePutOptions } from './contract/cache.ts';
export type { Cmd, Flag, Flags, FlagValue, ParseOptions } from './contract/cmd.ts';
export type { Codec } from './contract/codec.ts';
export type {
  Config,
  ConfigObject,
  ConfigReader,
  ConfigSnapshot,
  ConfigSource,
  ConfigValue,
} from './contract/config.ts';
export type { Health, LogRecord, Span, Stats, Tracer } from './contract/debug.ts';
export { HEADER } from './contract/header.ts';
export type { LogFields, Logger, LogLevel } from './contract/logger.ts';
export type { Header, Message } from './contract/message.ts';
export type { Plugin, PluginKind, PluginParts } from './contract/plugin.ts';
export type { Profile } from './contract/profile.ts';
export type {
  Node,
  RegisteredEndpoint,
  RegisterOptions,
  Registry,
  RegistryCallOptions,
  RegistryEvent,
  ServiceRecord,
  Value,
  WatchOptions,
} from './contract/registry.ts';
export type {
  CreateOptions,
  LogLine,
  LogOptions,
  RunningWorkload,
  Runtime,
  RuntimeEvent,
  RuntimeReadOptions,
  Workload,
  WorkloadStatus,
} from './contract/runtime.ts';
export type { Filter, SelectOptions, Selector, Strategy } from './contract/selector.ts';
export type { ListOptions, ReadOptions, Store, StoreRecord, StoreScope, WriteOptions } from './contract/store.ts';
export type {
  DialOptions,
  Listener,
  ListenOptions,
  PlainAnswer,
  PlainRequest,
  Socket,
  Transport,
} from './contract/transport.ts';
