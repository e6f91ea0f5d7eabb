/** Where the bytes of a data block come from: the page itself, a buffer, or a server. */

export interface Source {
  /** Bytes from `offset` on; fewer only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Reading far more than is needed costs nothing: there is no network in between. */
  readonly local: boolean;
  /** Ask a server for something else than the data block. */
  ask?(address: string): Promise<Uint8Array>;
}

/** A buffer, for example the bytes that a notebook sends. */
export function bytesSource(data: ArrayBuffer | ArrayBufferView): Source {
  const bytes =
    data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { local: true, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

/** Base64 text in the page; only what is asked for is decoded. */
export function textSource(text: string): Source {
  return {
    local: true,
    read: async (offset, length) => {
      const first = Math.floor(offset / 3);
      const last = Math.ceil((offset + length) / 3);
      const bytes = fromBase64(text.slice(4 * first, 4 * last));
      return bytes.subarray(offset - 3 * first, offset - 3 * first + length);
    },
  };
}

/** A file on a server that understands ranges. */
export function serverSource(url: string): Source {
  const get = async (address: string, headers: Record<string, string> = {}): Promise<Response> => {
    const answer = await fetch(address, { headers }).catch(() => {
      throw new Error("the server does not answer; is it still running?");
    });
    if (!answer.ok) throw new Error(`the server answered ${answer.status} (${answer.statusText}); is it still running?`);
    return answer;
  };
  return {
    local: false,
    read: async (offset, length) => {
      if (length === 0) return new Uint8Array();
      const answer = await get(url, { Range: `bytes=${offset}-${offset + length - 1}` });
      const bytes = new Uint8Array(await answer.arrayBuffer());
      return answer.status === 206 ? bytes : bytes.subarray(offset, offset + length);
    },
    ask: async (address) => new Uint8Array(await (await get(address)).arrayBuffer()),
  };
}

/** The source that a page names: an element with the data, or the address of a server. */
export function sourceOfPage(page: Document): Source {
  const server = page.getElementById("app")?.dataset["server"];
  if (server !== undefined) return serverSource(server);
  const element = page.getElementById("latentscape-data");
  if (!element) throw new Error("the page holds no data: it was cut short; make it again");
  const text = (element.textContent ?? "").trim();
  element.textContent = ""; // the text lives on here only, not twice
  return textSource(text);
}

type WithBase64 = typeof Uint8Array & { fromBase64?: (text: string) => Uint8Array };

function fromBase64(text: string): Uint8Array {
  const native = (Uint8Array as WithBase64).fromBase64;
  if (native) return native(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
