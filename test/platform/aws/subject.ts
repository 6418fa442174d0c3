import { type Subject, unique } from '../conformance/subject.ts';
import { openProvisioned } from './factory.ts';

/** A sweeper counts unfinished jobs, so one runs beside the tests. */
const SWEEP_MS = 200;

/** The platform on AWS: two clients of one endpoint. */
export const aws: Subject = {
  name: 'aws',
  lagMs: 5000,
  queue: 'best effort',
  objects: process.env.DISKLANE_TEST_AWS_ENDPOINT === undefined ? 'in part' : 'complete',
  async open() {
    const provisioned = await openProvisioned();
    const [platform, other] = [await provisioned.platform(), await provisioned.platform()];
    const sweeper = setInterval(() => platform.jobs.due(0, 1).catch(() => undefined), SWEEP_MS);
    return {
      platform,
      other,
      async lane() {
        const lane = { pool: unique('pool').slice(0, 30), band: 'normal' } as const;
        await provisioned.addLane(lane);
        return lane;
      },
      async close() {
        clearInterval(sweeper);
        await provisioned.close();
      },
    };
  },
};
