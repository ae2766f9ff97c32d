const [QUOTE, BACKSLASH, COMMA, COLON, OPEN_LIST, OPEN_OBJECT] = [0x22, 0x5c, 0x2c, 0x3a, 0x5b, 0x7b];
/** A shorter text cannot hold enough of them to be worth a look. */
const BYTES_FOR_EACH = 2;

/**
 * Whether a JSON text holds more values than that, told by its signs without reading it: a megabyte of `0,` takes half a second to read, and a
 * millisecond to look through. For what is no JSON the answer means nothing.
 */
export function hasMoreValues(text: Uint8Array, most: number): boolean {
  if (text.byteLength < most * BYTES_FOR_EACH) return false;
  let values = 1;
  for (let at = 0; at < text.byteLength; at += 1) {
    const sign = text[at];
    if (sign === QUOTE) at = endOfString(text, at);
    else if (sign === COMMA || sign === COLON || sign === OPEN_LIST || sign === OPEN_OBJECT) values += 1;
    if (values > most) return true;
  }
  return false;
}

/** Where its closing quote is; the text's end when it has none. */
function endOfString(text: Uint8Array, begin: number): number {
  for (let at = text.indexOf(QUOTE, begin + 1); at >= 0; at = text.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (text[at - 1 - backslashes] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return text.byteLength;
}
