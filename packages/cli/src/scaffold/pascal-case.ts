/** Words in small letters as one identifier that begins with a capital: `MyCoolSvc`. */
export function pascalCase(words: readonly string[]): string {
  return words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`).join('');
}
