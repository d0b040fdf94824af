import { expect, test } from 'vitest';
import { advertisedAs } from '../../src/util/advertised-address.ts';

test.each([
  ['10.0.0.5', '10.0.0.5:8080'],
  ['10.0.0.5:9090', '10.0.0.5:9090'],
  ['node.internal', 'node.internal:8080'],
  ['fd00::12', '[fd00::12]:8080'],
  ['[fd00::12]:9090', '[fd00::12]:9090'],
  ['[fd00::12]', '[fd00::12]:8080'],
])('a user who advertises %s is advertised as %s', (advertise, address) => {
  expect(advertisedAs(advertise, '[::]:8080')).toBe(address);
});
