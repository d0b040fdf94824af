import type { StandardSchemaV1 } from '@standard-schema/spec';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { CODE } from '../../src/error/code.ts';
import { validate } from '../../src/rpc/validate.ts';

const order = {
  name: 'OrderRequest',
  schema: z.object({ id: z.string(), lines: z.array(z.object({ count: z.coerce.number().int() })).default([]) }),
};

test('a type without a validator gives back the very value', () => {
  const value = { any: 'thing' };
  expect(validate({ name: 'Any' }, value)).toBe(value);
});

test('a value is what the validator makes of it, without a promise', () => {
  expect(validate(order, { id: 'a', lines: [{ count: '3' }], more: 1 })).toEqual({ id: 'a', lines: [{ count: 3 }] });
  expect(validate(order, { id: 'a' })).toEqual({ id: 'a', lines: [] });
});

test('a refused value is a 400 that names the type and each field at fault', () => {
  expect(() => validate(order, { id: 7, lines: [{ count: 1 }, { count: 1.5 }] })).toThrow(
    expect.objectContaining({
      code: CODE.badRequest,
      detail: expect.stringMatching(/^OrderRequest is not valid: id: [^;]+; lines\.1\.count: [^;]+$/),
    }),
  );
  expect(() => validate(order, 'text')).toThrow(/^OrderRequest is not valid: invalid input/);
});

test('an asynchronous validator gives a promise of the same', async () => {
  const taken = { name: 'Name', schema: z.string().refine(async (name) => name !== 'taken', 'it is taken') };
  const free = validate(taken, 'free');
  expect(free).toBeInstanceOf(Promise);
  expect(await free).toBe('free');
  await expect(validate(taken, 'taken')).rejects.toMatchObject({
    code: CODE.badRequest,
    detail: 'Name is not valid: it is taken',
  });
});

test('many issues with long texts make a short error of one line', () => {
  const schema = schemaOf(() => ({
    issues: Array.from({ length: 1_000 }, (_, at) => ({ path: [{ key: at }], message: 'Too\n'.repeat(10_000) })),
  }));
  expect(() => validate({ name: 'Big', schema }, 1)).toThrow(
    expect.objectContaining({
      detail: expect.stringMatching(/^Big is not valid: 0: too Too[^\n]{0,1200}; and 995 more$/),
    }),
  );
});

test('a validator that fails itself is a 500 with its error as the cause', async () => {
  const failing = schemaOf(() => {
    throw new RangeError('out of order');
  });
  expect(() => validate({ name: 'Odd', schema: failing }, 1)).toThrow(
    expect.objectContaining({
      code: CODE.internal,
      cause: expect.any(RangeError),
      detail: expect.stringContaining('Odd'),
    }),
  );
  const rejecting = schemaOf(() => Promise.reject(new RangeError('out of order')));
  await expect(validate({ name: 'Odd', schema: rejecting }, 1)).rejects.toMatchObject({ code: CODE.internal });
});

type Result = StandardSchemaV1.Result<unknown>;

function schemaOf(run: () => Result | Promise<Result>): StandardSchemaV1 {
  return { '~standard': { version: 1, vendor: 'test', validate: run } };
}
