import type { Flag } from '../contract/cmd.ts';

/**
 * What the text of a flag has to be. `duration` is Go's (`500ms`, `1m30s`) and stays text; `seconds` is a whole number of
 * them, as go-micro has it for two flags; `pairs` is a list of `key=value`.
 */
export type FlagKind = 'text' | 'count' | 'seconds' | 'duration' | 'list' | 'pairs' | 'level';

/** One of the flags that every service knows. */
export interface MicroFlag {
  readonly name: string;
  readonly env: string;
  readonly kind: FlagKind;
  readonly description: string;
  /** Its value is nobody's business: errors do not show it. */
  readonly secret: boolean;
}

type Row = readonly [name: string, kind: FlagKind, description: string];

/** go-micro v4.9.0's 37 flags, in its order, under the same names; and the level of the log, which is a variable there. */
const ROWS: readonly Row[] = [
  ['client', 'text', 'client: mucp'],
  ['client_request_timeout', 'duration', 'how long a call may take, such as 500ms or 5s; 0 is no limit'],
  ['client_retries', 'count', 'how often a failed attempt is repeated'],
  ['client_pool_size', 'count', 'idle connections kept per HTTP/1.1 peer'],
  ['client_pool_ttl', 'duration', 'age at which a pooled connection is not used again'],
  ['register_ttl', 'seconds', 'how long a registration lives without being renewed, in seconds'],
  ['register_interval', 'seconds', 'how often a registration is renewed, in seconds'],
  ['server', 'text', 'server: mucp'],
  ['server_name', 'text', 'name of the service'],
  ['server_version', 'text', 'version of the service'],
  ['server_id', 'text', 'what tells this instance from others'],
  ['server_address', 'text', 'where to listen: host:port, :port or host:first-last'],
  ['server_advertise', 'text', 'address that others should use'],
  ['server_metadata', 'pairs', 'what the registry says about this node, as key=value; may be repeated'],
  ['broker', 'text', 'how events travel: http, memory or a plugin'],
  ['broker_address', 'list', 'addresses of the broker'],
  ['profile', 'text', 'how the process is measured: noop or a plugin'],
  ['registry', 'text', 'where services are found: mdns, memory or a plugin'],
  [
    'registry_address',
    'list',
    'addresses of the registry; for mdns an interface, a port or both, such as 127.0.0.1:5353',
  ],
  ['runtime', 'text', 'what runs services: local or a plugin'],
  ['runtime_source', 'text', 'where the runtime finds code'],
  ['selector', 'text', 'how a node is chosen: registry or a plugin'],
  ['store', 'text', 'where records are kept: memory, file or a plugin'],
  ['store_address', 'list', 'addresses of the store; for file the path of a folder'],
  ['store_database', 'text', 'database of the store'],
  ['store_table', 'text', 'table of the store'],
  ['transport', 'text', 'how messages travel: http, memory or a plugin'],
  ['transport_address', 'list', 'addresses of the transport'],
  ['tracer', 'text', 'who follows calls: memory or a plugin'],
  ['tracer_address', 'list', 'addresses of the tracer'],
  ['auth', 'text', 'who proves accounts: noop, memory or a plugin'],
  ['auth_id', 'text', 'id of the account of this service'],
  ['auth_secret', 'text', 'secret of that account'],
  ['auth_namespace', 'text', 'namespace of accounts'],
  ['auth_public_key', 'text', 'public key that tokens are checked with, base64 of PEM'],
  ['auth_private_key', 'text', 'private key that tokens are signed with, base64 of PEM'],
  ['config', 'text', 'where values come from: config or a plugin'],
  ['log_level', 'level', 'least urgent lines that are written: trace, debug, info, warn, error or fatal'],
];

/** The one variable that is not called after its flag. */
const PROFILE_ENV = 'MICRO_DEBUG_PROFILE';
const SECRETS: ReadonlySet<string> = new Set(['auth_secret', 'auth_private_key']);

/** The flags that every service knows, in go-micro's order. */
export const MICRO_FLAGS: readonly MicroFlag[] = ROWS.map(([name, kind, description]) => ({
  name,
  env: name === 'profile' ? PROFILE_ENV : `MICRO_${name.toUpperCase()}`,
  kind,
  description,
  secret: SECRETS.has(name),
}));

/** A flag of the app's own, as one that is parsed in the same way. */
export interface AppFlag {
  readonly name: string;
  readonly env: string | undefined;
  readonly kind: Flag['type'];
  readonly description: string;
  readonly secret: false;
}
