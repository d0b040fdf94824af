import { type Auth, CODE, MicroError, type Plugin } from '@micro/core';
import { {{factory}} } from './{{backend}}-auth.ts';

/**
 * The manifest: `--auth {{flag}}`, or `MICRO_AUTH={{flag}}`. go-micro has no
 * flag that says where accounts are: the variable `{{ENV}}_ADDRESS` does. `--auth_namespace` is the issuer.
 */
export const plugin: Plugin<Auth> = {
  api: 1,
  kind: 'auth',
  name: '{{backend}}',
  create({ auth_namespace: namespace }) {
    const { {{ENV}}_ADDRESS: address } = process.env;
    if (address === undefined) {
      const detail = 'the auth {{backend}} needs the variable {{ENV}}_ADDRESS: where {{backend}} is';
      throw new MicroError({ id: '{{package}}', code: CODE.badRequest, detail });
    }
    return {{factory}}({ address, namespace: namespace === undefined ? undefined : String(namespace) });
  },
};
