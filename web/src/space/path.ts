/** Ways from one code, or one place, to another. */

/** `count` codes from a to b, both included, evenly along the straight line. */
export function straight(a: Float32Array, b: Float32Array, count: number): Float32Array[] {
  return shares(count).map((t) => a.map((value, j) => value + t * ((b[j] as number) - value)));
}

/** `count` places from a to b, both included, evenly along the straight line. */
export function straightPlaces(
  a: readonly [number, number],
  b: readonly [number, number],
  count: number,
): (readonly [number, number])[] {
  return shares(count).map((t) => [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])] as const);
}

function shares(count: number): number[] {
  return Array.from({ length: count }, (_, i) => (count > 1 ? i / (count - 1) : 0));
}
