/** One text for the parts of an entity: equal exactly for equal entities, the same from SQL's rows and from columns. */

export function entityKey(parts: readonly (string | number)[]): string {
  if (parts.length === 1) return partText(parts[0]!);
  return parts
    .map(partText)
    .map((text) => `${text.length}:${text}`)
    .join("");
}

/** Adding 0 makes -0 and 0 one entity, as SQL does. */
const partText = (part: string | number): string => (typeof part === "string" ? part : String(part + 0));
