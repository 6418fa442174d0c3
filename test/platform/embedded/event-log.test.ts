import { eventLogConformance } from '../conformance/event-log.ts';
import { embedded } from './subject.ts';

eventLogConformance(embedded);
