/** How many points a moving map draws, so that it follows the hand where the card is slow. */

const FEWEST = 30_000;
const SLOW = 50; // milliseconds from frame to frame
const QUICK = 25;
const REST = 220; // milliseconds without movement after which all points are drawn

export class Pace {
  private budget: number;
  private last = 0;
  private resting = 0;
  private moving = false;

  /** `whole` is called when the map has come to rest after frames with fewer points. */
  constructor(
    private readonly n: number,
    private readonly whole: () => void,
  ) {
    // Without a measurement yet, a map of many points begins with some of them.
    this.budget = n > 8 * FEWEST ? 4 * FEWEST : n;
  }

  /** The map moves. */
  move(): void {
    this.moving = true;
    window.clearTimeout(this.resting);
    this.resting = window.setTimeout(() => {
      const fewer = this.budget < this.n;
      this.moving = false;
      this.last = 0;
      if (fewer) this.whole();
    }, REST);
  }

  /** How many points the frame that begins now should draw. */
  frame(now: number): number {
    if (!this.moving) return this.n;
    if (this.last > 0) {
      const took = now - this.last;
      if (took > SLOW && took < REST + SLOW) this.budget = Math.max(Math.min(FEWEST, this.n), this.budget * 0.7);
      else if (took < QUICK) this.budget = Math.min(this.n, this.budget * 1.25);
    }
    this.last = now;
    return Math.floor(this.budget);
  }

  close(): void {
    window.clearTimeout(this.resting);
  }
}
