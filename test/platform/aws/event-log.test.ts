import { eventLogConformance } from '../conformance/event-log.ts';
import { aws } from './subject.ts';

eventLogConformance(aws);
