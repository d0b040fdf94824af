/** How much of a text an error shows. */
const SHOWN_CHARACTERS = 60;

/** A text in an error: quoted, with what cannot be seen made visible, and not too long. */
export function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);
}
