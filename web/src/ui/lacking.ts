/** Why a part is not there, where it would be. */

import type { Context } from "./context";
import { h } from "./dom";

export function lacking({ atlas }: Context, part: string): HTMLElement | null {
  const reason = atlas.lacking[part];
  return reason === undefined ? null : h("p", { class: "soft lacking" }, reason);
}
