import { defineConfig } from 'vitest/config';

/** `npm run test:deployed`: the deployed stack through its API; local/deployed/test.ts says where it is. */
export default defineConfig({
  test: {
    include: ['test/deployed/**/*.deployed.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
});
