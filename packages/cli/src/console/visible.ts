/** A text from outside with what could steer a terminal made visible. */
export function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same of a text that keeps its lines and tabs. */
export function visibleText(text: string): string {
  return text.replace(/(?!\t|\r?\n)\p{Cc}/gu, visible);
}

/** The same of several lines. All but the first are indented, so that none of them passes for a line of ours. */
export function visibleLines(text: string, indent = '  '): string {
  return text.trimEnd().split(/\r?\n/).map(visible).join(`\n${indent}`);
}
