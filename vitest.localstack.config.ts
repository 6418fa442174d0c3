import { defineConfig } from 'vitest/config';

/** `npm run test:localstack`: the same tests of the AWS platform, and those that only a full emulator can answer. */
export default defineConfig({
  test: {
    include: [
      'test/platform/aws/**/*.test.ts',
      'test/aws/**/*.localstack.ts',
      // The service itself, from submit to the presigned result of a real disk, on DISKLANE_PLATFORM=aws.
      'test/local/{aws,inspect}.test.ts',
    ],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    globalSetup: ['test/support/setup.ts'],
    pool: 'forks',
  },
});
