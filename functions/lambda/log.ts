import { Logger } from '@aws-lambda-powertools/logger';
import type { Log } from '../../core/context.ts';

/** The one logger of a function: JSON lines with the invocation's id, the trace id and whether it was a cold start. */
export const logger = new Logger({ serviceName: 'disklane' });

/** Core's log on it. */
export const log: Log = ({ level, message, ...fields }) => logger[level](message, fields);
