/**
 * The text's beginning that takes at most `limit` bytes as JSON (UTF-8, escapes counted), cut between code
 * points: what bounds a stored record is its encoded size, and a hostile text can be all escapes.
 */
export function cut(text: string, limit: number): string {
  // No UTF-16 unit takes more than the six bytes of \uXXXX.
  if (text.length * 6 <= limit) return text;
  let [bytes, end] = [0, 0];
  for (const point of text) {
    bytes += Buffer.byteLength(JSON.stringify(point)) - 2;
    if (bytes > limit) return text.slice(0, end);
    end += point.length;
  }
  return text;
}
