const LOWER = /[a-z]/;

/**
 * What protoc-gen-go calls a protobuf name in Go: each word begins with a capital letter, an underscore or a dot before a
 * small letter disappears, any other dot becomes an underscore (`some_part` is `SomePart`, `Outer.Inner` is
 * `Outer_Inner`, `get2nd` is `Get2Nd`).
 */
export function goCamelCase(name: string): string {
  let out = '';
  let wordBegins = true;
  for (let at = 0; at < name.length; at++) {
    const char = name.charAt(at);
    const beforeSmallLetter = LOWER.test(name.charAt(at + 1));
    if (char === '.') {
      if (!beforeSmallLetter) out += '_';
      wordBegins = true;
    } else if (char === '_') {
      // A leading underscore would make the name unexported in Go, so it becomes a letter.
      if (at === 0 || name.charAt(at - 1) === '.') out += 'X';
      else if (!beforeSmallLetter) out += '_';
      wordBegins = true;
    } else if (LOWER.test(char)) {
      out += wordBegins ? char.toUpperCase() : char;
      wordBegins = false;
    } else {
      out += char;
      // After a digit a new word begins; after a capital letter the small ones belong to its word.
      wordBegins = char >= '0' && char <= '9';
    }
  }
  return out;
}

/** A name in code as the wire writes it: `hello` is `Hello`, `say_hello` is `SayHello`, `get2nd` is `Get2nd`. */
export function pascalCase(name: string): string {
  return name.replace(/(?:^|_+)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Whether a name can stand on either side of the dot in `Handler.Method`: letters, digits and `_`, a letter first. */
export function isEndpointWord(name: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_]*$/.test(name);
}
