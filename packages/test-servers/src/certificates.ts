import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Certificates for TLS between tests and their servers. They are checked in, last for a hundred years, and are known to
 * everybody: of use for nothing else.
 */
export interface TestCertificates {
  /** PEM file of the authority that signed the others. */
  readonly caFile: string;
  /** PEM file of a server called `localhost`, `127.0.0.1` and `::1`. */
  readonly certFile: string;
  readonly keyFile: string;
  /** PEM file of a client, for servers that ask for one. */
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
  /** What the files hold. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

/** The certificates that the servers here show when they are started with `tls`. */
export function testCertificates(): TestCertificates {
  const file = (name: string): string => fileURLToPath(new URL(`../certificates/${name}`, import.meta.url));
  const text = (name: string): string => readFileSync(file(name), 'utf8');
  return {
    caFile: file('ca.pem'),
    certFile: file('server.pem'),
    keyFile: file('server.key'),
    clientCertFile: file('client.pem'),
    clientKeyFile: file('client.key'),
    ca: text('ca.pem'),
    cert: text('server.pem'),
    key: text('server.key'),
    clientCert: text('client.pem'),
    clientKey: text('client.key'),
  };
}
