import { StringDecoder } from 'node:string_decoder';

/** Cuts the output of a process into lines. */
export interface LineSplitter {
  write(chunk: Buffer): void;
  /** What is left is a line too. */
  end(): void;
}

/** A line that is longer is handed on in pieces of this many characters. */
const LONGEST_LINE = 16_384;

/** Hands on each line of UTF-8 text without its `\n` or `\r\n`. */
export function createLineSplitter(emit: (line: string) => void): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let rest = '';

  const add = (text: string): void => {
    rest += text;
    let begin = 0;
    for (let at = rest.indexOf('\n'); at !== -1; at = rest.indexOf('\n', begin)) {
      emitInPieces(rest.slice(begin, rest[at - 1] === '\r' && at > begin ? at - 1 : at));
      begin = at + 1;
    }
    while (rest.length - begin >= LONGEST_LINE) {
      emit(rest.slice(begin, begin + LONGEST_LINE));
      begin += LONGEST_LINE;
    }
    rest = rest.slice(begin);
  };

  const emitInPieces = (line: string): void => {
    for (let at = 0; at === 0 || at < line.length; at += LONGEST_LINE) emit(line.slice(at, at + LONGEST_LINE));
  };

  return {
    write: (chunk) => add(decoder.write(chunk)),
    end() {
      add(decoder.end());
      if (rest !== '') emit(rest);
      rest = '';
    },
  };
}
