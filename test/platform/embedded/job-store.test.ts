import { jobStoreConformance } from '../conformance/job-store.ts';
import { embedded } from './subject.ts';

jobStoreConformance(embedded);
