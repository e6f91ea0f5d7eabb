/** What is drawn over the points of one panel: names, lines, rings, stars, arrows, the lasso. */

import { pixelsPerUnit, toScreen, type Camera, type Extent, type Pair, type Rect } from "./camera";

export interface View {
  readonly rect: Rect;
  readonly camera: Camera;
  readonly extent: Extent;
}

export interface Inks {
  readonly ink: string;
  readonly paper: string;
  readonly accent: string;
  readonly soft: string;
}

/** Draws in CSS pixels of the stage, clipped to one panel. */
export class Overlay {
  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly view: View,
    private readonly inks: Inks,
  ) {}

  place(x: number, y: number): Pair {
    const { rect, camera, extent } = this.view;
    const [px, py] = toScreen(camera, extent, rect, x, y);
    return [rect.left + px, rect.top + py];
  }

  scale(): number {
    return pixelsPerUnit(this.view.camera, this.view.extent, this.view.rect);
  }

  /** Run `paint` with drawing limited to the panel. */
  clipped(paint: () => void): void {
    const { rect } = this.view;
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(rect.left, rect.top, rect.width, rect.height);
    context.clip();
    paint();
    context.restore();
  }

  /** Text with a rim of the page's colour. */
  label(text: string, x: number, y: number, colour: string, size = 14): void {
    const [px, py] = this.place(x, y);
    const { context } = this;
    context.font = `600 ${size}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = this.inks.paper;
    context.globalAlpha = 0.9;
    context.strokeText(text, px, py);
    context.globalAlpha = 1;
    context.fillStyle = colour;
    context.fillText(text, px, py);
  }

  ring(x: number, y: number, radius: number, colour: string, width = 2): void {
    const [px, py] = this.place(x, y);
    const { context } = this;
    context.beginPath();
    context.arc(px, py, radius + 1, 0, 2 * Math.PI);
    context.lineWidth = width + 2.5;
    context.strokeStyle = this.inks.paper;
    context.stroke();
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }

  dot(x: number, y: number, radius: number, colour: string): void {
    const [px, py] = this.place(x, y);
    const { context } = this;
    context.beginPath();
    context.arc(px, py, radius, 0, 2 * Math.PI);
    context.lineWidth = 2;
    context.strokeStyle = this.inks.paper;
    context.stroke();
    context.fillStyle = colour;
    context.fill();
  }

  line(points: ArrayLike<number>, colour: string, width = 1.5, dash: number[] = []): void {
    const { context } = this;
    context.beginPath();
    for (let i = 0; i + 1 < points.length; i += 2) {
      const [px, py] = this.place(points[i] ?? 0, points[i + 1] ?? 0);
      if (i === 0) context.moveTo(px, py);
      context.lineTo(px, py); // also at the first, so that a path of one place is a dot
    }
    context.setLineDash(dash);
    context.lineWidth = width;
    context.lineJoin = "round";
    context.lineCap = "round";
    context.strokeStyle = colour;
    context.stroke();
    context.setLineDash([]);
  }

  arrow(x0: number, y0: number, x1: number, y1: number, colour: string): void {
    const [ax, ay] = this.place(x0, y0);
    const [bx, by] = this.place(x1, y1);
    const length = Math.hypot(bx - ax, by - ay);
    const { context } = this;
    context.lineWidth = 2;
    context.strokeStyle = colour;
    context.fillStyle = colour;
    if (length < 5) return;
    const ux = (bx - ax) / length;
    const uy = (by - ay) / length;
    const head = Math.min(9, length / 2);
    context.beginPath();
    context.moveTo(ax, ay);
    context.lineTo(bx - ux * head, by - uy * head);
    context.stroke();
    context.beginPath();
    context.moveTo(bx, by);
    context.lineTo(bx - ux * head - uy * head * 0.5, by - uy * head + ux * head * 0.5);
    context.lineTo(bx - ux * head + uy * head * 0.5, by - uy * head - ux * head * 0.5);
    context.fill();
  }

  cross(x: number, y: number, colour: string): void {
    const [px, py] = this.place(x, y);
    const { context } = this;
    for (const [width, stroke] of [[4.5, this.inks.paper], [2, colour]] as const) {
      context.lineWidth = width;
      context.strokeStyle = stroke;
      context.beginPath();
      context.moveTo(px - 7, py);
      context.lineTo(px + 7, py);
      context.moveTo(px, py - 7);
      context.lineTo(px, py + 7);
      context.stroke();
    }
  }

  star(x: number, y: number, colour: string, radius = 11): void {
    const [px, py] = this.place(x, y);
    const { context } = this;
    context.beginPath();
    for (let k = 0; k < 10; k++) {
      const r = k % 2 === 0 ? radius : radius * 0.45;
      const angle = (k * Math.PI) / 5 - Math.PI / 2;
      context.lineTo(px + r * Math.cos(angle), py + r * Math.sin(angle));
    }
    context.closePath();
    context.lineJoin = "round";
    context.lineWidth = 4;
    context.strokeStyle = this.inks.paper;
    context.stroke();
    context.fillStyle = colour;
    context.fill();
    context.lineWidth = 1;
    context.strokeStyle = this.inks.ink;
    context.stroke();
  }

  /** The lasso while it is drawn, in CSS pixels of the panel. */
  lasso(points: readonly number[]): void {
    const { context } = this;
    const { rect } = this.view;
    context.beginPath();
    for (let i = 0; i + 1 < points.length; i += 2) {
      context.lineTo(rect.left + (points[i] ?? 0), rect.top + (points[i + 1] ?? 0));
    }
    context.closePath();
    context.globalAlpha = 0.12;
    context.fillStyle = this.inks.accent;
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 1.5;
    context.setLineDash([5, 3]);
    context.strokeStyle = this.inks.accent;
    context.stroke();
    context.setLineDash([]);
  }

  image(picture: CanvasImageSource, x: number, y: number, side: number): void {
    const [px, py] = this.place(x, y);
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(picture, px - side / 2, py - side / 2, side, side);
  }
}
