import type { DescService, Message } from '@bufbuild/protobuf';
import { create, createFileRegistry } from '@bufbuild/protobuf';
import type { GenMessage, GenService } from '@bufbuild/protobuf/codegenv2';
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import type { Stats } from '../contract/debug.ts';

/*
 * go-micro's `debug/proto/debug.proto`: `service Debug`, in no package. Written as a table here, so that core needs no
 * generated file and builds the descriptor only when a server starts.
 */

/** The name of a field, and what it is: a scalar, a map of strings, or one of the types below. */
type Fields = readonly (readonly [name: string, type: Type | 'map<string,string>' | 'SpanType' | 'repeated Span'])[];

const STRING = Type.STRING;
const UINT64 = Type.UINT64;
const INT64 = Type.INT64;

/** Fields are numbered from 1 in the order in which they stand. */
const MESSAGES: readonly (readonly [name: string, fields: Fields])[] = [
  ['HealthRequest', [['service', STRING]]],
  ['HealthResponse', [['status', STRING]]],
  ['StatsRequest', [['service', STRING]]],
  [
    'StatsResponse',
    [
      ['timestamp', UINT64],
      ['started', UINT64],
      ['uptime', UINT64],
      ['memory', UINT64],
      ['threads', UINT64],
      ['gc', UINT64],
      ['requests', UINT64],
      ['errors', UINT64],
    ],
  ],
  [
    'LogRequest',
    [
      ['service', STRING],
      ['stream', Type.BOOL],
      ['count', INT64],
      ['since', INT64],
    ],
  ],
  [
    'Record',
    [
      ['timestamp', INT64],
      ['metadata', 'map<string,string>'],
      ['message', STRING],
    ],
  ],
  ['TraceRequest', [['id', STRING]]],
  ['TraceResponse', [['spans', 'repeated Span']]],
  [
    'Span',
    [
      ['trace', STRING],
      ['id', STRING],
      ['parent', STRING],
      ['name', STRING],
      ['started', UINT64],
      ['duration', UINT64],
      ['metadata', 'map<string,string>'],
      ['type', 'SpanType'],
    ],
  ],
];

const METHODS = [
  { name: 'Log', input: 'LogRequest', output: 'Record', serverStreaming: true },
  { name: 'Health', input: 'HealthRequest', output: 'HealthResponse', serverStreaming: false },
  { name: 'Stats', input: 'StatsRequest', output: 'StatsResponse', serverStreaming: false },
  { name: 'Trace', input: 'TraceRequest', output: 'TraceResponse', serverStreaming: false },
] as const;

/** The number that says whether a span was served or called. */
export const SPAN_TYPE = { inbound: 0, outbound: 1 } as const;

/** `HealthRequest` and `StatsRequest`: the service is informational. */
type ServiceRequest = Message & { service: string };

/** `LogRequest`. */
export type DebugLogRequest = Message & {
  service: string;
  /** Go on with what is logged from now on. */
  stream: boolean;
  /** The last so many lines; 0 is all that are kept. */
  count: bigint;
  /** Only lines since then, in seconds since the epoch; a number below a billion counts back from now. 0 is all. */
  since: bigint;
};

/** `Record`: one line of the log. */
export type DebugRecord = Message & {
  /** Seconds since the epoch. */
  timestamp: bigint;
  metadata: { [name: string]: string };
  message: string;
};

/** `Span` on the wire. */
export type DebugSpan = Message & {
  trace: string;
  id: string;
  parent: string;
  name: string;
  /** Nanoseconds since the epoch. */
  started: bigint;
  /** Nanoseconds. */
  duration: bigint;
  metadata: { [name: string]: string };
  type: number;
};

/** go-micro's service `Debug`, for those who serve it and those who call it. */
export type DebugService = GenService<{
  log: { methodKind: 'server_streaming'; input: GenMessage<DebugLogRequest>; output: GenMessage<DebugRecord> };
  health: { methodKind: 'unary'; input: GenMessage<ServiceRequest>; output: GenMessage<Message & { status: string }> };
  stats: {
    methodKind: 'unary';
    input: GenMessage<ServiceRequest>;
    output: GenMessage<Message & { -readonly [K in keyof Stats]: Stats[K] }>;
  };
  trace: {
    methodKind: 'unary';
    input: GenMessage<Message & { id: string }>;
    output: GenMessage<Message & { spans: DebugSpan[] }>;
  };
}>;

/** The descriptor of go-micro's service `Debug`, made anew with each call. */
export function debugService(): DebugService {
  const file = create(FileDescriptorProtoSchema, {
    name: 'debug/proto/debug.proto',
    syntax: 'proto3',
    enumType: [
      { name: 'SpanType', value: Object.values(SPAN_TYPE).map((number) => ({ name: spanType(number), number })) },
    ],
    messageType: MESSAGES.map(([name, fields]) => ({
      name,
      field: fields.map(([field, type], index) => fieldOf(field, index + 1, fieldType(name, type))),
      nestedType: fields.some(([, type]) => type === 'map<string,string>') ? [METADATA_ENTRY] : [],
    })),
    service: [
      {
        name: 'Debug',
        method: METHODS.map(({ name, input, output, serverStreaming }) => ({
          name,
          inputType: `.${input}`,
          outputType: `.${output}`,
          serverStreaming,
        })),
      },
    ],
  });
  const service = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] })).getService('Debug');
  // The table above is what the type says.
  return service as DescService as DebugService;
}

interface FieldType {
  readonly type: Type;
  readonly label: Label;
  readonly typeName?: string;
}

/** All names here are one word, which JSON writes as it is. */
function fieldOf(
  name: string,
  number: number,
  type: FieldType,
): FieldType & { name: string; jsonName: string; number: number } {
  return { name, jsonName: name, number, ...type };
}

const METADATA_ENTRY = {
  name: 'MetadataEntry',
  options: { mapEntry: true },
  field: [
    fieldOf('key', 1, { type: STRING, label: Label.OPTIONAL }),
    fieldOf('value', 2, { type: STRING, label: Label.OPTIONAL }),
  ],
};

function fieldType(message: string, type: Fields[number][1]): FieldType {
  switch (type) {
    case 'map<string,string>':
      return { type: Type.MESSAGE, label: Label.REPEATED, typeName: `.${message}.MetadataEntry` };
    case 'repeated Span':
      return { type: Type.MESSAGE, label: Label.REPEATED, typeName: '.Span' };
    case 'SpanType':
      return { type: Type.ENUM, label: Label.OPTIONAL, typeName: '.SpanType' };
    default:
      return { type, label: Label.OPTIONAL };
  }
}

function spanType(number: number): string {
  return number === SPAN_TYPE.inbound ? 'INBOUND' : 'OUTBOUND';
}
