/** Rows inside a closed polygon (even-odd rule): the lasso. */

const BANDS = 256;

/** `positions` and `polygon` are x, y, x, y, ...; returns rising rows. */
export function rowsInside(positions: Float32Array, polygon: ArrayLike<number>): Uint32Array {
  const corners = polygon.length >> 1;
  if (corners < 3) return new Uint32Array(0);
  let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
  for (let i = 0; i < corners; i++) {
    x0 = Math.min(x0, polygon[2 * i] as number);
    x1 = Math.max(x1, polygon[2 * i] as number);
    y0 = Math.min(y0, polygon[2 * i + 1] as number);
    y1 = Math.max(y1, polygon[2 * i + 1] as number);
  }
  const height = y1 - y0;
  if (!(height > 0)) return new Uint32Array(0);
  // A point is only compared with the edges that pass through its band of y.
  const band = (y: number): number => Math.min(BANDS - 1, Math.max(0, Math.floor(((y - y0) / height) * BANDS)));
  const edges: number[][] = Array.from({ length: BANDS }, () => []);
  for (let i = 0; i < corners; i++) {
    const j = i + 1 < corners ? i + 1 : 0;
    const ay = polygon[2 * i + 1] as number, by = polygon[2 * j + 1] as number;
    if (ay === by) continue;
    for (let b = band(Math.min(ay, by)); b <= band(Math.max(ay, by)); b++) {
      edges[b]?.push(polygon[2 * i] as number, ay, polygon[2 * j] as number, by);
    }
  }
  const rows: number[] = [];
  const n = positions.length >> 1;
  for (let row = 0; row < n; row++) {
    const x = positions[2 * row] as number, y = positions[2 * row + 1] as number;
    if (x < x0 || x > x1 || y < y0 || y > y1) continue;
    const near = edges[band(y)] as number[];
    let inside = false;
    for (let e = 0; e < near.length; e += 4) {
      const ay = near[e + 1] as number, by = near[e + 3] as number;
      if (ay > y === by > y) continue;
      const ax = near[e] as number, bx = near[e + 2] as number;
      if (x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
    }
    if (inside) rows.push(row);
  }
  return Uint32Array.from(rows);
}
