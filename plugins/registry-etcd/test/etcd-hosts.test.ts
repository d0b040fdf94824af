import { describe, expect, it } from 'vitest';
import { parseHosts } from '../src/etcd-hosts.ts';
import { etcdRegistry } from '../src/index.ts';

describe('the hosts of etcd', () => {
  it.each([
    [undefined, ['127.0.0.1:2379'], false],
    [[], ['127.0.0.1:2379'], false],
    ['etcd', ['etcd:2379'], false],
    ['10.0.0.1:1234', ['10.0.0.1:1234'], false],
    ['http://etcd', ['etcd:2379'], false],
    ['http://etcd:1/', ['etcd:1'], false],
    ['https://etcd.example.com:2379', ['etcd.example.com:2379'], true],
    ['[::1]:2379', ['[::1]:2379'], false],
    ['https://[fe80::1%eth0]', ['[fe80::1%eth0]:2379'], true],
    ['a, b:1 ,http://c', ['a:2379', 'b:1', 'c:2379'], false],
    [['a,b', 'b'], ['a:2379', 'b:2379'], false],
  ] as const)('%j are %j', (hosts, addresses, secure) => {
    expect(parseHosts(hosts)).toEqual({ addresses, secure });
  });

  it.each([
    '',
    ' ',
    'a,,b',
    '::1',
    'etcd:',
    'etcd:0',
    'etcd:65536',
    'etcd:port',
    'ftp://etcd',
    'http://etcd/path',
    'etcd/',
    'http://user:secret@etcd:2379',
    'http://',
    '[::1',
  ])('are not %j', (hosts) => {
    expect(() => parseHosts(hosts)).toThrow(expect.objectContaining({ code: 400 }));
  });

  it('are all http or all https', () => {
    expect(() => parseHosts('http://a,https://b')).toThrow(/both http and https/);
  });

  it('tell no password when they are refused', () => {
    expect(() => parseHosts('http://user:secret@etcd:2379')).toThrow(expect.not.stringMatching('secret'));
  });
});

describe('the options of an etcd registry', () => {
  it.each([
    [{ username: 'u' }, /password/],
    [{ password: 'p' }, /username/],
    [{ prefix: '' }, /prefix/],
    [{ timeoutMs: -1 }, /timeoutMs/],
    [{ ttlMs: Number.NaN }, /ttlMs/],
    [{ watchLimit: Number.POSITIVE_INFINITY }, /watchLimit/],
    [{ graceMs: -5 }, /graceMs/],
    [{ hosts: 'a b' }, /a b/],
    [{ tls: { caFile: '/nowhere/ca.pem' } }, /nowhere/],
    [{ tls: { cert: 'no certificate', key: 'no key' } }, /TLS settings/],
  ])('are checked when it is made: %j', (options, message) => {
    expect(() => etcdRegistry(options)).toThrow(message);
  });
});
