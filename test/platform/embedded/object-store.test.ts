import { objectStoreConformance } from '../conformance/object-store.ts';
import { embedded } from './subject.ts';

objectStoreConformance(embedded);
