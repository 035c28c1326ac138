/** `?` of our SQL as PostgreSQL's `$1, $2, …`. Strings, quoted names and comments are left alone. */

const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\?/g;

export function numbered(sql: string): string {
  let count = 0;
  return sql.replace(TOKEN, (token) => (token === "?" ? `$${++count}` : token));
}
