import { readFileSync } from 'node:fs';
import type { Fixture } from '../src/conversation.ts';

/** Stands for every UUID in a fixture, since its length is that of all. */
export const SOME_UUID = '00000000-0000-4000-8000-000000000000';

/** Reads a file of `fixtures/`. */
export function readFixture(file: string): Fixture {
  return JSON.parse(readFileSync(new URL(`../fixtures/${file}.json`, import.meta.url), 'utf8')) as Fixture;
}

/** The same bytes whenever they were written: one UUID, and one date of the same length. */
export function timeless(bytes: string): string {
  return bytes
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, SOME_UUID)
    .replaceAll(/\r\nDate: [^\r]*/g, '\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT');
}
