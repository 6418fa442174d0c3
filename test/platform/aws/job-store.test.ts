import { jobStoreConformance } from '../conformance/job-store.ts';
import { aws } from './subject.ts';

jobStoreConformance(aws);
