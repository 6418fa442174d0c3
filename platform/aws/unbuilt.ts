/** What emulators say of an operation that they do not know; AWS knows them all. */
const unbuilt = new Set([
  'UnknownOperationException',
  'NotImplemented',
  'UnsupportedOperation',
  'InvalidAction',
]);

/**
 * Takes a step, and passes over it with a note where an emulator does not know it. On AWS itself every error
 * is thrown: nothing is left unprotected in silence.
 */
export async function unlessUnbuilt(
  client: { readonly config: { readonly isCustomEndpoint?: boolean } },
  what: string,
  note: (line: string) => void,
  step: () => Promise<unknown>,
): Promise<void> {
  try {
    await step();
  } catch (error) {
    const known = !(error instanceof Error && unbuilt.has(error.name));
    if (known || client.config.isCustomEndpoint !== true) throw error;
    note(`${what}: this endpoint cannot do that`);
  }
}
