import { z } from 'zod';

export const inspectionResult = z.looseObject({ version: z.literal('1.0') });
