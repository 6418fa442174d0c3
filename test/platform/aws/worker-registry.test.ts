import { workerRegistryConformance } from '../conformance/worker-registry.ts';
import { aws } from './subject.ts';

workerRegistryConformance(aws);
