/**
 * Reads all pieces now and gives them again, once: what is small is let go of at its source at once, so that a
 * reader who never comes holds no file and no connection.
 */
export async function readAhead(pieces: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return {
    async *[Symbol.asyncIterator]() {
      yield* all;
    },
  };
}
