import { objectStoreConformance } from '../conformance/object-store.ts';
import { aws } from './subject.ts';

objectStoreConformance(aws);
