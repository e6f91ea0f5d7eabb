/** Names, some of them as runs that count up: [prefix, first, width, n]. */
export type Numbered = readonly (string | readonly [string, number, number, number])[];

/** All names, one after the other. */
export function written(names: Numbered): string[] {
  return names.flatMap((entry) => {
    if (typeof entry === "string") return entry;
    const [prefix, first, width, n] = entry;
    return Array.from({ length: n }, (_, i) => prefix + String(first + i).padStart(width, "0"));
  });
}
