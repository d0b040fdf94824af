import { create, type DescFile, type DescMessage, type DescService, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { status as GRPC } from '@grpc/grpc-js';
import { CODE, MicroError } from '@micro/core';
import { reasonOf } from '@micro/core/plugin';
import {
  ErrorResponseSchema,
  ExtensionNumberResponseSchema,
  FileDescriptorResponseSchema,
  ListServiceResponseSchema,
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from './gen/reflection_v1_pb.js';
import { ServerReflection as ServerReflectionAlpha } from './gen/reflection_v1alpha_pb.js';
import { statusOf } from './grpc-status.ts';
import { openCallOf, receiveCall, type ServeCall } from './incoming-call.ts';

/** gRPC's server reflection of one listener. */
export interface ReflectionService {
  /** Shows a service, with its file and those that it imports. */
  add(service: DescService): void;
  readonly info: ServeCall;
}

/** Both versions of the protocol: their messages are the same, byte for byte. */
const VERSIONS: readonly DescService[] = [ServerReflection, ServerReflectionAlpha];

/** Where it answers. */
export const REFLECTION_PATHS: readonly string[] = VERSIONS.map(({ typeName }) => `/${typeName}/ServerReflectionInfo`);

type Answer = ServerReflectionResponse['messageResponse'];

const ID = 'grpc.reflection.v1';

/** Makes it. It shows what has a protobuf descriptor: of a service described in TypeScript it could say nothing. */
export function reflectionService(): ReflectionService {
  const services = new Set<string>();
  const files = new Map<string, DescFile>();
  /** The file of every service, method, message, field, enum and extension. */
  const symbols = new Map<string, DescFile>();

  const addFile = (file: DescFile): void => {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, file);
    for (const service of file.services) {
      symbols.set(service.typeName, file);
      for (const method of service.methods) symbols.set(`${service.typeName}.${method.name}`, file);
    }
    for (const { typeName } of [...file.enums, ...file.extensions]) symbols.set(typeName, file);
    for (const message of file.messages) addMessage(message, file);
    for (const dependency of file.dependencies) addFile(dependency);
  };
  const addMessage = (message: DescMessage, file: DescFile): void => {
    symbols.set(message.typeName, file);
    for (const field of message.fields) symbols.set(`${message.typeName}.${field.name}`, file);
    for (const { typeName } of [...message.nestedEnums, ...message.nestedExtensions]) symbols.set(typeName, file);
    for (const nested of message.nestedMessages) addMessage(nested, file);
  };
  const add = (service: DescService): void => {
    services.add(service.typeName);
    addFile(service.file);
  };
  for (const version of VERSIONS) add(version);

  const answer = ({ messageRequest: asked }: ServerReflectionRequest): Answer => {
    switch (asked.case) {
      case 'listServices': {
        const service = [...services].sort().map((name) => ({ name }));
        return { case: 'listServicesResponse', value: create(ListServiceResponseSchema, { service }) };
      }
      case 'fileByFilename':
        return fileAnswer(files.get(asked.value), asked.value);
      case 'fileContainingSymbol':
        return fileAnswer(symbols.get(asked.value), asked.value);
      case 'fileContainingExtension':
        return fileAnswer(undefined, `extension ${asked.value.extensionNumber} of ${asked.value.containingType}`);
      case 'allExtensionNumbersOfType':
        if (!symbols.has(asked.value)) return notFound(asked.value);
        return {
          case: 'allExtensionNumbersResponse',
          value: create(ExtensionNumberResponseSchema, { baseTypeName: asked.value }),
        };
      default:
        return error(GRPC.INVALID_ARGUMENT, 'the request asks nothing');
    }
  };

  return {
    add,
    info(incomingCall) {
      const incoming = receiveCall(incomingCall, {
        metadata: () => incoming.read(),
        message(bytes) {
          try {
            const request = fromBinary(ServerReflectionRequestSchema, bytes);
            const response = create(ServerReflectionResponseSchema, {
              validHost: request.host,
              originalRequest: request,
              messageResponse: answer(request),
            });
            incoming.send(toBinary(ServerReflectionResponseSchema, response));
          } catch (cause) {
            incoming.finish(statusOf(new MicroError({ id: ID, code: CODE.badRequest, detail: reasonOf(cause) })));
          }
          if (!incoming.congested) incoming.read();
        },
        half: () => incoming.finish(),
        room: () => incoming.read(),
        cancelled() {},
      });
      incoming.start();
      return openCallOf(incoming, (reason) => statusOf(MicroError.from(reason)));
    },
  };
}

/** A file, and all that it imports, each before those that need it. */
function fileAnswer(file: DescFile | undefined, asked: string): Answer {
  if (file === undefined) return notFound(asked);
  const found = new Set<DescFile>();
  const collect = (each: DescFile): void => {
    if (found.has(each)) return;
    for (const dependency of each.dependencies) collect(dependency);
    found.add(each);
  };
  collect(file);
  const fileDescriptorProto = [...found].reverse().map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { case: 'fileDescriptorResponse', value: create(FileDescriptorResponseSchema, { fileDescriptorProto }) };
}

function notFound(asked: string): Answer {
  return error(GRPC.NOT_FOUND, `${JSON.stringify(asked.slice(0, 200))} is not known here`);
}

function error(errorCode: number, errorMessage: string): Answer {
  return { case: 'errorResponse', value: create(ErrorResponseSchema, { errorCode, errorMessage }) };
}
