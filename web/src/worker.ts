/** The worker: answers the questions that would hold up the page. */

import type { Box, ModelName } from "./data";
import { Space, type SpaceData } from "./space/space";

export type Ask =
  | { readonly kind: "neighbours"; readonly model: ModelName; readonly code: Float32Array; readonly k: number; readonly except: number }
  | { readonly kind: "mosaic"; readonly map: string; readonly box: Box; readonly columns: number; readonly rows: number }
  | { readonly kind: "arrive"; readonly image: Float32Array }
  | { readonly kind: "order"; readonly rows: Uint32Array };

export type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

export type Heavy = (ask: Ask) => Promise<unknown>;

type Message = { readonly data: SpaceData } | { readonly id: number; readonly ask: Ask };

/** Answer what comes in; called by a program that finds itself in a worker. */
export function listen(): void {
  let space: Space | null = null;
  self.onmessage = (event: MessageEvent<Message>) => {
    const message = event.data;
    if ("data" in message) {
      space = new Space(message.data);
      return;
    }
    let answer: Answer;
    try {
      if (!space) throw new Error("the worker has no data yet");
      answer = { id: message.id, value: space.answer(message.ask) };
    } catch (error) {
      answer = { id: message.id, error: error instanceof Error ? error.message : String(error) };
    }
    self.postMessage(answer);
  };
}
