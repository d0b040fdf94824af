import { hostname } from 'node:os';
import { CODE } from '../error/code.ts';
import { registryError } from './registry-error.ts';

const MAX_LABEL = 63;
const MAX_NAME = 255;
/** Go's DNS library hands out anything else in an escaped form that its registry then does not recognise. */
const LABEL = /^[A-Za-z0-9_-]+$/;

/** Under what names a registry's services stand in DNS; no name here has the final dot. */
export interface MdnsNames {
  readonly domain: string;
  /** Where all instances of a service answer: `greeter.micro`. */
  service(name: string): string;
  /** One node: `greeter-1.greeter.micro`. */
  instance(service: string, nodeId: string): string;
  /** Where every service answers: `_services.micro`. */
  readonly all: string;
  /** One service among all: `greeter._services.micro`. */
  listed(service: string): string;
  /** DNS-SD's own question for what kinds of services there are: `_services._dns-sd._udp.micro`. */
  readonly kinds: string;
  /** The name of the service in a name made by `listed`, `undefined` for any other. */
  serviceOfListed(name: string): string | undefined;
  /** The id of the node in a name made by `instance`, `undefined` for any other. */
  nodeOfInstance(instance: string, service: string): string | undefined;
}

/** The names of a domain. Throws 400 for a domain that cannot be one. */
export function mdnsNames(domain: string): MdnsNames {
  checkName(domain, `the domain '${domain}'`);
  const all = `_services.${domain}`;
  const before = (name: string, suffix: string): string | undefined =>
    name.length > suffix.length && name.endsWith(suffix) ? name.slice(0, -suffix.length) : undefined;
  return {
    domain,
    all,
    kinds: `_services._dns-sd._udp.${domain}`,
    service: (name) => `${name}.${domain}`,
    instance: (service, nodeId) => `${nodeId}.${service}.${domain}`,
    listed: (service) => `${service}.${all}`,
    serviceOfListed: (name) => before(name, `.${all}`),
    nodeOfInstance: (instance, service) => before(instance, `.${service}.${domain}`),
  };
}

/** Whether a name can stand in DNS as it is, so that Go peers recognise it too. */
export function isMdnsName(name: string): boolean {
  return problemOf(name) === undefined;
}

/** Throws 400, naming what cannot stand in DNS and why. */
export function checkName(name: string, what: string): void {
  const problem = problemOf(name);
  if (problem !== undefined) throw registryError(CODE.badRequest, `${what} cannot be announced by mdns: ${problem}`);
}

function problemOf(name: string): string | undefined {
  // Each label takes a byte for its length, and the root another one.
  if (name.length + 2 > MAX_NAME) return `a name in dns has at most ${MAX_NAME} bytes; choose a shorter one`;
  for (const label of name.split('.')) {
    if (label === '') return 'it begins or ends with a dot, or has two in a row; take that away';
    if (!LABEL.test(label))
      return `'${label}' has characters other than A-Z, a-z, 0-9, '_' and '-'; use only those and dots`;
    if (label.length > MAX_LABEL) return `'${label}' is longer than ${MAX_LABEL} bytes; shorten it or put a dot in`;
  }
  return undefined;
}

/** The name of this machine as it stands in SRV and A records: as the system has it, where DNS can carry that. */
export function mdnsHost(): string {
  const name = hostname();
  if (isMdnsName(name)) return name;
  const tame = name.replaceAll(/[^A-Za-z0-9_-]+/g, '-').slice(0, MAX_LABEL);
  return isMdnsName(tame) ? tame : 'localhost';
}
