import { jobQueueConformance } from '../conformance/job-queue.ts';
import { embedded } from './subject.ts';

jobQueueConformance(embedded);
