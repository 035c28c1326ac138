/** JSON that searches look into, as both engines can read it. */

/** PostgreSQL reads no JSON that names the letter U+0000 or half of a letter beyond U+FFFF; an even number of `\` before is text. */
const UNREADABLE = /(?<=(?:^|[^\\])(?:\\\\)*)\\u(0000|d[89a-f][0-9a-f]{2})/g;

/** The value as JSON, without the former letter and with U+FFFD for the latter. */
export const searchableJson = (value: unknown): string =>
  JSON.stringify(value).replace(UNREADABLE, (_, code: string) => (code === "0000" ? "" : "\ufffd"));
