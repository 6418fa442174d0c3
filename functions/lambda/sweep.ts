import { sweep } from '../../core/use-cases/sweep.ts';
import { context } from './context.ts';
import { logger } from './log.ts';

/** Called every minute: looks after every job that is due. */
export async function handler(): Promise<{ looked: number }> {
  const looked = await sweep(context);
  logger.info('swept', { looked });
  return { looked };
}
