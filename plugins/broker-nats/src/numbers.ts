import { CODE } from '@micro/core';
import { brokerError, LONGEST_TIMER_MS } from '@micro/core/plugin';

/** A number from 0 on, where 0 means 0. Throws 400 for anything else, which names the option. */
export function numberOf(name: string, given: number | undefined, usual: number): number {
  const number = given ?? usual;
  if (Number.isFinite(number) && number >= 0) return number;
  throw brokerError(CODE.badRequest, `${name} is ${String(number)}: give a number from 0 on`);
}

/** A limit: 0 is none, which is `Infinity` from then on. */
export function limitOf(name: string, given: number | undefined, usual: number): number {
  return numberOf(name, given, usual) || Number.POSITIVE_INFINITY;
}

/** A time limit in milliseconds: 0 is none, and so is what no timer can wait for, which is more than 24 days. */
export function timeLimitOf(name: string, given: number | undefined, usual: number): number {
  const ms = limitOf(name, given, usual);
  return ms > LONGEST_TIMER_MS ? Number.POSITIVE_INFINITY : ms;
}
