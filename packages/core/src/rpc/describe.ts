import type { DescService } from '@bufbuild/protobuf';
import type { Definition } from '../contract/definition.ts';
import type { MethodsOf } from '../contract/typed.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { describeProto } from './describe-proto.ts';

/**
 * The definition of whatever describes a service: a protobuf-es service descriptor (the same definition each time), or a
 * definition, as it is. Throws a 400 for anything else.
 */
export function describe<D extends object>(described: D): Definition<MethodsOf<D>> {
  // The type parameter stands for nothing that is there.
  if (isService(described)) return describeProto(described) as Definition<MethodsOf<D>>;
  if (isDefinition(described)) return described as Definition<MethodsOf<D>>;
  throw new MicroError({
    code: CODE.badRequest,
    detail: 'this does not describe a service: give a generated service descriptor, or what defineService() returns',
  });
}

function isService(described: object): described is DescService {
  return 'kind' in described && described.kind === 'service' && 'methods' in described;
}

function isDefinition(described: object): described is Definition {
  return 'name' in described && 'endpoints' in described && Array.isArray(described.endpoints);
}
