/** The message of the work `events`: some 105 bytes of JSON. */
export interface EventBody {
  /** The message's number, from `FIRST_EVENT` upwards without a gap. */
  readonly id: number;
  readonly name: string;
  readonly active: boolean;
  /** When it was published, by the clock that all processes of the machine share, in microseconds. */
  readonly sentUs: number;
  readonly note: string;
}

/** The first message's id. */
export const FIRST_EVENT = 1_000_000;

const NAME = 'Ada Lovelace';
const NOTE = 'twenty-three characters';

/** Message number `index` (from 0), published now. */
export function eventBody(index: number, sentUs: number): EventBody {
  return { id: FIRST_EVENT + index, name: NAME, active: true, sentUs, note: NOTE };
}

/** Throws unless a message is one that was published: its fields, not its number. */
export function checkEvent(body: EventBody): void {
  if (
    Number.isInteger(body.id) &&
    body.id >= FIRST_EVENT &&
    body.name === NAME &&
    body.active === true &&
    body.note === NOTE &&
    Number.isInteger(body.sentUs)
  )
    return;
  throw new Error(`an event is not one that was published: ${(JSON.stringify(body) ?? 'undefined').slice(0, 200)}`);
}

/** The time on the clock that all processes of the machine share, in whole microseconds. */
export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}
