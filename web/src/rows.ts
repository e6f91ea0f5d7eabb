/** Rising rows as short text that is safe in a link. */

/** The longest text: browsers take more, but mails and chats cut such links. */
const LONGEST = 16_000;

/** Write rows in the shorter of two ways, or return null where both are too long. */
export function rowsText(rows: readonly number[]): string | null {
  const text = shorter(runsText(rows), packed(rows));
  return text.length <= LONGEST ? text : null;
}

/** Read what `rowsText` wrote; of a text that was cut or made by hand, what makes sense among n rows. */
export function rowsOf(text: string, n: number): number[] {
  return text.startsWith("_") ? unpacked(text, n) : runsOf(text, n);
}

function shorter(a: string, b: string): string {
  return a.length <= b.length ? a : b;
}

/** Runs in base 36: 5, 6, 7, 20 is "5-7.k". */
function runsText(rows: readonly number[]): string {
  const runs: string[] = [];
  for (let i = 0; i < rows.length; ) {
    let j = i;
    while (j + 1 < rows.length && rows[j + 1] === (rows[j] as number) + 1) j++;
    const first = (rows[i] as number).toString(36);
    runs.push(j > i ? `${first}-${(rows[j] as number).toString(36)}` : first);
    i = j + 1;
  }
  return runs.join(".");
}

function runsOf(text: string, n: number): number[] {
  const rows: number[] = [];
  for (const run of text.split(".")) {
    if (!/^[0-9a-z]{1,7}(-[0-9a-z]{1,7})?$/.test(run)) continue;
    const [first = NaN, last = first] = run.split("-").map((part) => parseInt(part, 36));
    // Rising only, so that no link can name more rows than there are.
    if (first <= (rows.at(-1) ?? -1)) continue;
    for (let row = first; row <= last && row < n; row++) rows.push(row);
  }
  return rows;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * The steps from row to row in Rice's code, six bits to a letter: "_", the number of low bits k in
 * base 36, then for each step `step >> k` ones, a nought, and the low bits. Near the least that any
 * code needs for rows without order, and never more than two bits for each of n rows at k = 0.
 */
function packed(rows: readonly number[]): string {
  const steps = rows.map((row, i) => row - (i === 0 ? 0 : (rows[i - 1] as number) + 1));
  const mean = steps.reduce((sum, step) => sum + step, 0) / Math.max(1, steps.length);
  const k = Math.min(20, Math.max(0, Math.round(Math.log2(Math.max(1, 0.69 * mean)))));
  let text = `_${k.toString(36)}`;
  let letter = 0;
  let filled = 0;
  const put = (bit: number): void => {
    letter = (letter << 1) | bit;
    if (++filled === 6) {
      text += DIGITS[letter];
      letter = filled = 0;
    }
  };
  for (const step of steps) {
    if (text.length > LONGEST) break;
    for (let ones = step >> k; ones > 0; ones--) put(1);
    put(0);
    for (let bit = k - 1; bit >= 0; bit--) put((step >> bit) & 1);
  }
  // The rest of the last letter is ones: a step that never ends.
  while (filled > 0) put(1);
  return text;
}

function unpacked(text: string, n: number): number[] {
  const rows: number[] = [];
  const k = parseInt(text[1] ?? "", 36);
  if (!(k >= 0 && k <= 20)) return rows;
  let at = 12; // bits; two letters are read
  const end = 6 * text.length;
  const bit = (): number => (DIGITS.indexOf(text[Math.floor(at / 6)] ?? "") >> (5 - (at++ % 6))) & 1;
  for (let next = 0; at < end; next++) {
    let step = 0;
    let last = 1;
    while (at < end && (last = bit()) === 1) step += 2 ** k;
    if (last === 1 || at + k > end) break; // cut, or the rest of the last letter
    let low = 0;
    for (let i = 0; i < k; i++) low = 2 * low + bit();
    next += step + low;
    if (next >= n) break;
    rows.push(next);
  }
  return rows;
}
