import type { Part } from '../part.ts';
import { templateFiles } from '../read-template.ts';

/** A `.proto` and how code is generated from it, into `src/gen`. */
export function protoPart(file: string, text: string): Part {
  return {
    files: { ...templateFiles('proto'), [`proto/${file}`]: text },
    scripts: { proto: 'micro proto' },
    dependencies: ['@bufbuild/protobuf'],
    devDependencies: ['@bufbuild/buf', '@bufbuild/protoc-gen-es'],
  };
}

/** The description of a new service, the same as go-micro's but for its names. */
export function helloworldProto(names: { readonly proto: string; readonly handler: string }): string {
  const { proto, handler } = names;
  const { 'helloworld.proto': text = '' } = templateFiles('helloworld', { proto, handler });
  return text;
}
