/** How recordings of calls come, with the endings that players know (IANA media types; RFC 2361 and habit for wav). */
const EXTENSIONS: Record<string, string> = {
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3",
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/wave": "wav",
  "audio/vnd.wave": "wav",
  "audio/ogg": "ogg",
  "audio/opus": "opus",
  "audio/webm": "webm",
  "audio/mp4": "m4a",
  "audio/m4a": "m4a",
  "audio/x-m4a": "m4a",
  "audio/aac": "aac",
  "audio/flac": "flac",
  "audio/x-flac": "flac",
  "audio/basic": "au",
  "audio/amr": "amr",
  "video/mp4": "mp4",
  "video/webm": "webm",
};

const KNOWN = new Set(Object.values(EXTENSIONS));
/** What storage says when nobody told it what a file is. */
const UNTOLD = new Set(["", "application/octet-stream", "binary/octet-stream", "application/ogg", "application/mp4"]);

/** The ending for a recording's file; undefined when it is none: a page, most likely one that asks to log in. */
export function extensionOf(options: { contentType: string; pathname: string }): string | undefined {
  const { contentType, pathname } = options;
  const known = EXTENSIONS[contentType];
  if (known !== undefined) return known;
  const ending = /\.([a-z0-9]{2,4})$/i.exec(pathname)?.[1]?.toLowerCase() ?? "";
  if (KNOWN.has(ending) && (UNTOLD.has(contentType) || contentType.startsWith("audio/"))) return ending;
  return UNTOLD.has(contentType) || contentType.startsWith("audio/") ? "bin" : undefined;
}
