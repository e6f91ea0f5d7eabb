/**
 * The first script of the page. It unpacks the program and gives it to the browser, which
 * runs it only if it is the one that the page's Content-Security-Policy names by its hash.
 */

async function unpack(root: HTMLElement): Promise<void> {
  if (typeof DecompressionStream === "undefined") throw new Error("This browser is too old to unpack this page; use one of 2023 or later.");
  const packed = document.getElementById("latentscape-program")?.textContent ?? "";
  const binary = atob(packed);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const program = document.createElement("script");
  program.textContent = await new Response(stream).text();
  document.body.append(program); // has run when it is in, or was refused
  if (!("latentscape" in root)) throw new Error();
}

const root = document.getElementById("app");
if (root !== null) {
  unpack(root).catch((error: unknown) => {
    const told = error instanceof Error && error.message.startsWith("This ");
    root.textContent = told ? error.message : "The program of this page is damaged; make the page again.";
  });
}

export {};
