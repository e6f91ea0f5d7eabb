/** The rows of a map sorted into square cells, to find what is near a place. */

export class Grid {
  /** Distinct places. Rows that share one are kept together. */
  readonly count: number;
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  /** Rows of place p: rows[rowStarts[p]] to rows[rowStarts[p + 1] - 1], rising. */
  readonly rows: Uint32Array;
  readonly rowStarts: Uint32Array;
  private readonly side: number;
  private readonly columns: number;
  private readonly lines: number;
  private readonly x0: number;
  private readonly y0: number;
  private readonly cellStarts: Uint32Array;

  /** `positions` are x, y, x, y, ...; `perCell` places share a cell on average. */
  constructor(positions: Float32Array, perCell = 2) {
    const n = positions.length >> 1;
    let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
    for (let i = 0; i < n; i++) {
      const x = positions[2 * i] as number, y = positions[2 * i + 1] as number;
      if (x < x0) x0 = x;
      if (x > x1) x1 = x;
      if (y < y0) y0 = y;
      if (y > y1) y1 = y;
    }
    if (n === 0) x0 = y0 = x1 = y1 = 0;
    const width = Math.max(x1 - x0, 1e-6), height = Math.max(y1 - y0, 1e-6);
    // Not finer than 1024 cells along the longer side: memory stays bounded.
    const side = Math.max(Math.sqrt((width * height * perCell) / Math.max(n, 1)), Math.max(width, height) / 1024);
    this.side = side;
    this.x0 = x0;
    this.y0 = y0;
    this.columns = Math.max(1, Math.ceil(width / side) + 1);
    this.lines = Math.max(1, Math.ceil(height / side) + 1);
    const cellOf = new Uint32Array(n);
    const starts = new Uint32Array(this.columns * this.lines + 1);
    for (let i = 0; i < n; i++) {
      const cell = this.line(positions[2 * i + 1] as number) * this.columns + this.column(positions[2 * i] as number);
      cellOf[i] = cell;
      starts[cell + 1] = (starts[cell + 1] as number) + 1;
    }
    for (let c = 1; c < starts.length; c++) starts[c] = (starts[c] as number) + (starts[c - 1] as number);
    const next = starts.slice();
    const rows = new Uint32Array(n);
    for (let i = 0; i < n; i++) {
      const cell = cellOf[i] as number;
      const at = next[cell] as number;
      rows[at] = i;
      next[cell] = at + 1;
    }
    const xs = new Float64Array(n), ys = new Float64Array(n);
    const rowStarts = new Uint32Array(n + 1);
    const cellStarts = new Uint32Array(starts.length);
    let count = 0;
    const order = (a: number, b: number): number =>
      (positions[2 * a] as number) - (positions[2 * b] as number) ||
      (positions[2 * a + 1] as number) - (positions[2 * b + 1] as number) ||
      a - b;
    for (let c = 0; c + 1 < starts.length; c++) {
      cellStarts[c] = count;
      const begin = starts[c] as number, end = starts[c + 1] as number;
      if (end - begin > 1) rows.subarray(begin, end).sort(order);
      for (let at = begin; at < end; at++) {
        const x = positions[2 * (rows[at] as number)] as number;
        const y = positions[2 * (rows[at] as number) + 1] as number;
        if (at > begin && xs[count - 1] === x && ys[count - 1] === y) continue;
        xs[count] = x;
        ys[count] = y;
        rowStarts[count] = at;
        count++;
      }
    }
    cellStarts[starts.length - 1] = count;
    rowStarts[count] = n;
    this.count = count;
    this.xs = xs.subarray(0, count);
    this.ys = ys.subarray(0, count);
    this.rows = rows;
    this.rowStarts = rowStarts.subarray(0, count + 1);
    this.cellStarts = cellStarts;
  }

  private column(x: number): number {
    return Math.min(this.columns - 1, Math.max(0, Math.floor((x - this.x0) / this.side)));
  }

  private line(y: number): number {
    return Math.min(this.lines - 1, Math.max(0, Math.floor((y - this.y0) / this.side)));
  }

  /**
   * Find the nearest distinct places of (x, y).
   *
   * Fills `places` and `squared` (distances), nearest first, and returns how many
   * there are: their length at most. `wanted` may leave places out.
   */
  nearest(
    x: number,
    y: number,
    places: Int32Array | Uint32Array,
    squared: Float64Array,
    wanted?: (place: number) => boolean,
    limit = Infinity,
  ): number {
    const k = places.length;
    const cx = this.column(x), cy = this.line(y);
    let found = 0;
    const rings = Math.max(this.columns, this.lines);
    for (let r = 0; r < rings; r++) {
      const left = cx - r, right = cx + r, low = cy - r, high = cy + r;
      for (let line = Math.max(0, low); line <= Math.min(this.lines - 1, high); line++) {
        const edge = line === low || line === high;
        // Inside lines only have their two ends in this ring.
        const step = edge || r === 0 ? 1 : right - left;
        for (let column = left; column <= right; column += step) {
          if (column < 0 || column >= this.columns) continue;
          const cell = line * this.columns + column;
          const end = this.cellStarts[cell + 1] as number;
          for (let p = this.cellStarts[cell] as number; p < end; p++) {
            const dx = (this.xs[p] as number) - x, dy = (this.ys[p] as number) - y;
            const d = dx * dx + dy * dy;
            if (d > limit || (found === k && d >= (squared[k - 1] as number))) continue;
            if (wanted && !wanted(p)) continue;
            let at = found < k ? found++ : k - 1;
            while (at > 0 && (squared[at - 1] as number) > d) {
              squared[at] = squared[at - 1] as number;
              places[at] = places[at - 1] as number;
              at--;
            }
            squared[at] = d;
            places[at] = p;
          }
        }
      }
      // Whatever has not been looked at lies beyond one of the sides that are not the border yet.
      let gap = Infinity;
      if (left > 0) gap = Math.min(gap, x - (this.x0 + left * this.side));
      if (right < this.columns - 1) gap = Math.min(gap, this.x0 + (right + 1) * this.side - x);
      if (low > 0) gap = Math.min(gap, y - (this.y0 + low * this.side));
      if (high < this.lines - 1) gap = Math.min(gap, this.y0 + (high + 1) * this.side - y);
      if (gap === Infinity) break;
      const bound = gap > 0 ? gap * gap : 0;
      if (bound > limit || (found === k && bound >= (squared[k - 1] as number))) break;
    }
    return found;
  }
}
