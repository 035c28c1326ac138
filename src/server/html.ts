/** HTML as template strings: every value is escaped unless it is marked `raw`. */

class Raw {
  constructor(readonly text: string) {}
}

/** Marks HTML that we made ourselves. */
export const raw = (text: string): Raw => new Raw(text);

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escapeText = (text: string): string => text.replace(/[&<>"']/g, (c) => ESCAPES[c]!);

export function html(parts: TemplateStringsArray, ...values: (string | number | Raw)[]): string {
  return parts.reduce((text, part, i) => {
    const value = values[i - 1];
    return text + (value instanceof Raw ? value.text : escapeText(String(value))) + part;
  });
}
