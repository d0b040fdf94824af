import { StringDecoder } from 'node:string_decoder';

/** A line of a long answer, or a piece of one that is too long. */
export interface Line {
  readonly text: string;
  /** It goes on where the piece before it ended. */
  readonly isRest: boolean;
}

/** The lines of UTF-8 text, without `\n` or `\r\n`, as they come. Those of more than `longest` characters come in pieces. */
export async function* linesOf(chunks: AsyncIterable<Buffer>, longest: number): AsyncGenerator<Line, void, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let isRest = false;

  for await (const chunk of chunks) {
    rest += decoder.write(chunk);
    let begin = 0;
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n', begin)) {
      for (; end - begin > longest; begin += longest) {
        yield { text: rest.slice(begin, begin + longest), isRest };
        isRest = true;
      }
      const text = rest.slice(begin, end > begin && rest[end - 1] === '\r' ? end - 1 : end);
      yield { text, isRest };
      isRest = false;
      begin = end + 1;
    }
    for (; rest.length - begin > longest; begin += longest) {
      yield { text: rest.slice(begin, begin + longest), isRest };
      isRest = true;
    }
    rest = rest.slice(begin);
  }
  rest += decoder.end();
  if (rest !== '') yield { text: rest, isRest };
}
