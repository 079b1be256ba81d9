// Texts of strangers on a terminal: a message must not move the cursor, set the title or type into the shell.

/** C0 without tab and line feed, DEL, and C1; marks that change the direction of writing. */
// deno-lint-ignore no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Shows control characters as escapes, such as `\x1b`; tabs and line feeds stay.
 *
 * @param text Any text.
 */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}
