/** An emulator of AWS cannot be set up or started; the message says what was found and what to do. */
export class EmulatorError extends Error {
  override readonly name = 'EmulatorError';
}
