import { jobQueueConformance } from '../conformance/job-queue.ts';
import { aws } from './subject.ts';

jobQueueConformance(aws);
