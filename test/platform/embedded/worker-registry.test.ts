import { workerRegistryConformance } from '../conformance/worker-registry.ts';
import { embedded } from './subject.ts';

workerRegistryConformance(embedded);
