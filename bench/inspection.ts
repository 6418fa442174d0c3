export async function benchInspection(): Promise<void> {}
