import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { CODE, MicroError, type TlsOptions } from '@micro/core';
import { brokerError, type Certificates, LONGEST_TIMER_MS, loadCertificates, reasonOf } from '@micro/core/plugin';
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  ErrorCode,
  type NatsConnection,
  NatsError,
  nkeyAuthenticator,
  nkeys,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from 'nats';
import { greet } from './greet.ts';
import type { NatsCredentials } from './nats-options.ts';
import { addressOf, type NatsServer } from './servers.ts';

/** What a connection is made with. */
export interface DialOptions {
  readonly credentials: NatsCredentials;
  readonly tls: TlsOptions | undefined;
  readonly connectionName: string;
  readonly timeoutMs: number;
}

/** Makes one connection to one server; it does not come back by itself. A server that says nothing is left when the signal aborts. */
export type Dial = (server: NatsServer, signal: AbortSignal) => Promise<NatsConnection>;

/** The library asks the server for signs of life every so often at most; we do that ourselves, in `pulse`. */
const NEVER_MS = LONGEST_TIMER_MS;

/**
 * Makes what dials servers. Certificate files are read now, and again when they changed. Throws 400 for credentials that
 * exclude each other.
 */
export function createDial({ credentials, tls, connectionName, timeoutMs }: DialOptions): Dial {
  checkCredentials(credentials);
  const certificates = tls === undefined ? undefined : readCertificates(tls);
  return async (server, signal) => {
    const { tlsRequired, tlsAvailable } = await greet(server, timeoutMs, signal);
    const address = addressOf(server);
    const wantsTls = certificates !== undefined || server.secure;
    if (tlsRequired && !wantsTls) {
      throw brokerError(CODE.badRequest, `${address} speaks TLS only: give tls, or a tls:// address`);
    }
    if (wantsTls && !tlsRequired && !tlsAvailable) {
      throw brokerError(CODE.badRequest, `${address} does not speak TLS: leave out tls, or have it speak TLS`);
    }
    const authenticator = await authenticatorOf(credentials, server);
    try {
      return await connect({
        servers: address,
        name: connectionName,
        timeout: timeoutMs,
        reconnect: false,
        ignoreClusterUpdates: true,
        // Node's own look-up knows /etc/hosts and search domains.
        resolve: false,
        noAsyncTraces: true,
        pingInterval: NEVER_MS,
        // `null` keeps the library from TLS that nobody asked for, whose certificate it would check for the wrong name.
        tls: wantsTls ? tlsOf(server, tls, certificates) : null,
        ...(authenticator === undefined ? {} : { authenticator }),
      });
    } catch (cause) {
      throw dialError(address, cause);
    }
  };
}

function readCertificates(tls: TlsOptions): Certificates {
  try {
    return loadCertificates(tls);
  } catch (cause) {
    throw brokerError(CODE.badRequest, `cannot read the certificates of the broker: ${reasonOf(cause)}`, cause);
  }
}

/** The library hands all of it to `tls.connect`. The name is checked by us: it has none for an IP address. */
function tlsOf(
  server: NatsServer,
  tls: TlsOptions | undefined,
  certificates: Certificates | undefined,
): NonNullable<ConnectionOptions['tls']> {
  const name = tls?.serverName ?? server.certificateName;
  const { ca, cert, key } = certificates?.current() ?? {};
  const options = {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: tls?.insecure !== true,
    ...(isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_: string, certificate: Parameters<typeof checkServerIdentity>[1]) =>
      checkServerIdentity(name, certificate),
    ...(ca === undefined ? {} : { ca: ca as string }),
    ...(cert === undefined ? {} : { cert: cert as string }),
    ...(key === undefined ? {} : { key: key as string }),
  };
  return options;
}

function checkCredentials({ user, password, token, nkey, credentialsFile }: NatsCredentials): void {
  const ways = [user ?? password, token, nkey, credentialsFile].filter((way) => way !== undefined);
  if (ways.length > 1) {
    throw brokerError(CODE.badRequest, 'give one of user and password, token, nkey and credentialsFile, not several');
  }
  if (password !== undefined && user === undefined) {
    throw brokerError(CODE.badRequest, 'a password needs a user: give both');
  }
  if (nkey !== undefined) checkSeed(nkey);
}

/** The library would find out at each connection. */
function checkSeed(nkey: string): void {
  try {
    nkeys.fromSeed(Buffer.from(nkey.trim()));
  } catch (cause) {
    throw brokerError(CODE.badRequest, 'nkey is no seed of an nkey: give the text that begins with SU', cause);
  }
}

/** What the URL says goes before what the options say. */
async function authenticatorOf(given: NatsCredentials, server: NatsServer): Promise<Authenticator | undefined> {
  if (server.user !== undefined) return usernamePasswordAuthenticator(server.user, server.password);
  if (server.token !== undefined) return tokenAuthenticator(server.token);
  if (given.user !== undefined) return usernamePasswordAuthenticator(given.user, given.password);
  if (given.token !== undefined) return tokenAuthenticator(given.token);
  if (given.nkey !== undefined) return nkeyAuthenticator(Buffer.from(given.nkey.trim()));
  if (given.credentialsFile === undefined) return undefined;
  try {
    return credsAuthenticator(await readFile(given.credentialsFile));
  } catch (cause) {
    throw brokerError(
      CODE.badRequest,
      `cannot read credentialsFile ${given.credentialsFile}: ${reasonOf(cause)}`,
      cause,
    );
  }
}

function dialError(address: string, cause: unknown): MicroError {
  if (cause instanceof MicroError) return cause;
  const code = cause instanceof NatsError ? cause.code : '';
  if (code === ErrorCode.AuthorizationViolation || code === ErrorCode.AuthenticationExpired) {
    return brokerError(CODE.unauthorized, `${address} refuses these credentials: ${reasonOf(cause)}`, cause);
  }
  if (code === ErrorCode.BadCreds) {
    return brokerError(CODE.badRequest, `the credentials for ${address} are no JWT with a seed`, cause);
  }
  if (code === ErrorCode.Timeout) {
    return brokerError(CODE.timeout, `${address} did not finish the greeting in time`, cause);
  }
  return brokerError(CODE.unavailable, `cannot connect to ${address}: ${reasonOf(cause)}`, cause);
}
